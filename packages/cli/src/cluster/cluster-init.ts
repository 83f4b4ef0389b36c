import type { ClusterInitBody } from "@murmur/api";
import { Option, type Command } from "commander";
import type { Cli } from "../cli.ts";
import { listOption, newCommand } from "../command.ts";
import { withDaemon } from "../daemon/ensure-daemon.ts";
import { parseCount } from "../units/number.ts";
import { externalCaOption, parseExternalCas } from "./external-ca-option.ts";
import { joinInstructions } from "./join-instructions.ts";
import { unlockInstructions } from "./unlock-instructions.ts";
import { strategyOption, type Strategy } from "./strategy-option.ts";
import { addMembershipFlags, membershipBody, type MembershipFlags } from "./membership-options.ts";

interface InitFlags extends MembershipFlags {
  readonly name?: string;
  readonly voters?: string;
  readonly strategy?: Strategy;
  readonly dataPlane?: "ports" | "overlay";
  readonly autolock?: boolean;
  readonly externalCa: readonly string[];
  readonly defaultAddrPool: readonly string[];
  readonly defaultAddrPoolMaskLength?: string;
}

export function clusterInit(cli: Cli): Command {
  const command = newCommand({
    name: "init",
    usage: "[OPTIONS]",
    summary: "Start a cluster, with this host as its first node",
    details:
      "Starts the daemon in the background when it isn't running, and prints the line that other hosts join with.",
    examples: [
      { says: "On a host with one address", line: "murmur cluster init" },
      { says: "On a host with several", line: "murmur cluster init --advertise-addr 10.0.0.1" },
      { says: "Networks with addresses of their own", line: "murmur cluster init --data-plane overlay" },
    ],
  });
  return addMembershipFlags(command)
    .option("--name <name>", "Name of the cluster")
    .addOption(new Option("--voters <number>", "How many managers the cluster keeps: 1, 3, 5 or 7 (default: 3)"))
    .addOption(strategyOption("(default: spread)"))
    .addOption(
      new Option("--data-plane <plane>", "How traffic travels between nodes, for good (default: ports)").choices([
        "ports",
        "overlay",
      ]),
    )
    .option("--autolock", "Seal what managers have on their disks: they ask for a key after a restart")
    .addOption(externalCaOption())
    .addOption(
      listOption(
        "--default-addr-pool <subnet>",
        "Where networks get their subnets from (overlay; default: 10.64.0.0/10); may be repeated, for when one is used up",
      ),
    )
    .option("--default-addr-pool-mask-length <length>", "Length of these subnets (default: 24, of the default pool 20)")
    .action(async (flags: InitFlags) => {
      const body = {
        ...membershipBody(flags),
        ...(flags.name === undefined ? {} : { name: flags.name }),
        ...(flags.voters === undefined ? {} : { voters: parseCount(flags.voters) }),
        ...(flags.strategy === undefined ? {} : { strategy: flags.strategy }),
        ...(flags.autolock === undefined ? {} : { autolock: flags.autolock }),
        ...planeBody(flags),
        ...(flags.externalCa.length === 0 ? {} : { externalCas: await parseExternalCas(flags.externalCa) }),
      };
      const client = await cli.client();
      const answer = await withDaemon(cli, () => client.initCluster(body));
      cli.print(`Cluster initialized: current node (${answer.nodeId}) is now a manager.\n`);
      cli.print(joinInstructions(answer));
      if (flags.autolock === true) cli.print(`\n${unlockInstructions(await client.unlockKey())}`);
    });
}

/** What wasn't said is left to the daemon. */
function planeBody(flags: InitFlags): Pick<ClusterInitBody, "dataPlane" | "defaultAddrPool" | "subnetSize"> {
  const { dataPlane, defaultAddrPool, defaultAddrPoolMaskLength: length } = flags;
  return {
    ...(dataPlane === undefined ? {} : { dataPlane }),
    ...(defaultAddrPool.length === 0 ? {} : { defaultAddrPool: [...defaultAddrPool] }),
    ...(length === undefined ? {} : { subnetSize: parseCount(length) }),
  };
}
