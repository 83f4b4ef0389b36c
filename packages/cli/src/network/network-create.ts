import type { NetworkCreate } from "@murmur/api";
import { Option, type Command } from "commander";
import type { Cli } from "../cli.ts";
import { listOption, newCommand } from "../command.ts";
import { parseAssignments } from "../units/assignment.ts";
import { ipamConfigs } from "./ipam-configs.ts";

interface CreateFlags {
  readonly driver: string;
  readonly subnet: readonly string[];
  readonly gateway: readonly string[];
  readonly ipRange: readonly string[];
  readonly auxAddress: readonly string[];
  readonly ipamDriver: string;
  readonly ipamOpt: readonly string[];
  readonly ipv6?: boolean;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly ingress?: boolean;
  readonly scope?: string;
  readonly configOnly?: boolean;
  readonly configFrom?: string;
  readonly label: readonly string[];
  readonly opt: readonly string[];
}

export function networkCreate(cli: Cli): Command {
  return newCommand({
    name: "create",
    usage: "[OPTIONS] NETWORK",
    summary: "Create a network",
    details:
      "An overlay network is the cluster's: services on any node can be in it. What isn't said the cluster chooses. With another driver the network is made by this node's engine, for containers of this node; with `--scope swarm` each node's engine makes one of its own for its tasks, with the settings of its own --config-only network.",
    examples: [
      { says: "For the services of an application", line: "murmur network create shop" },
      {
        says: "With a subnet, of which tasks get the first half",
        line: "murmur network create --subnet 10.9.0.0/24 --ip-range 10.9.0.0/25 --gateway 10.9.0.1 shop",
      },
      {
        says: "With an address that no task gets",
        line: "murmur network create --subnet 10.9.0.0/24 --aux-address printer=10.9.0.9 shop",
      },
      { says: "With IPv6 too, and no way out", line: "murmur network create --ipv6 --internal db" },
      {
        says: "Settings of this node's own, for the next one",
        line: "murmur network create --config-only --subnet 192.168.7.0/24 -o parent=eth0 lan-conf",
      },
      {
        says: "Of each node's own, once they are there on each",
        line: "murmur network create -d macvlan --scope swarm --config-from lan-conf lan",
      },
      { says: "With smaller packets", line: "murmur network create -o com.docker.network.driver.mtu=1380 shop" },
    ],
  })
    .argument("<name>", "What it is called")
    .addOption(new Option("-d, --driver <driver>", "Driver of the network").default("overlay"))
    .addOption(listOption("--subnet <subnet>", "Subnet, such as 10.9.0.0/24; one of IPv4, one of IPv6"))
    .addOption(listOption("--gateway <ip>", "Gateway of the subnet of its family (default: the first address)"))
    .addOption(listOption("--ip-range <subnet>", "Part of the subnet that addresses are taken from (default: all)"))
    .addOption(listOption("--aux-address <name=ip>", "Address of the subnet that nobody gets; may be repeated"))
    .addOption(new Option("--ipam-driver <driver>", "Who gives out the addresses").default("default"))
    .addOption(listOption("--ipam-opt <key=value>", "Option of the IPAM driver; may be repeated"))
    .option("--ipv6", "Give out IPv6 addresses too")
    .option("--internal", "No way out of the network")
    .option("--attachable", "Containers may be connected by hand")
    .option("--ingress", "The network that ports are published by, in place of the one that was removed")
    .addOption(new Option("--scope <scope>", "Of this node or of all: local or swarm (default: the driver's)"))
    .option("--config-only", "Only settings, on this node, for networks that take them from it")
    .option("--config-from <network>", "The network on each node to take the settings from")
    .addOption(listOption("--label <key=value>", "Label of the network; may be repeated"))
    .addOption(listOption("-o, --opt <key=value>", "Option of the driver; may be repeated"))
    .action(async (name: string, flags: CreateFlags) => {
      const { Id, Warning } = await (await cli.client()).createNetwork(bodyOf(name, flags));
      if (Warning !== "") cli.note(`murmur: warning: ${Warning}`);
      cli.print(Id);
    });
}

const ipamOf = (flags: CreateFlags): NonNullable<NetworkCreate["IPAM"]> => ({
  ...(flags.ipamDriver !== "default" && { Driver: flags.ipamDriver }),
  Config: ipamConfigs(flags),
  ...(flags.ipamOpt.length > 0 && { Options: parseAssignments(flags.ipamOpt) }),
});

const bodyOf = (name: string, flags: CreateFlags): NetworkCreate => ({
  Name: name,
  // Settings alone are of no driver.
  Driver: flags.configOnly === true ? "" : flags.driver,
  ...(flags.scope !== undefined && { Scope: flags.scope }),
  ...(flags.configOnly === true && { ConfigOnly: true }),
  ...(flags.configFrom !== undefined && { ConfigFrom: { Network: flags.configFrom } }),
  EnableIPv6: flags.ipv6 === true,
  IPAM: ipamOf(flags),
  Internal: flags.internal === true,
  Attachable: flags.attachable === true,
  ...(flags.ingress === true && { Ingress: true }),
  Options: parseAssignments(flags.opt),
  Labels: parseAssignments(flags.label),
});
