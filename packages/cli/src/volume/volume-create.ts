import { Option, type Command } from "commander";
import type { Cli } from "../cli.ts";
import { invalid } from "../argument-error.ts";
import { listOption, newCommand } from "../command.ts";
import { parseAssignments } from "../units/assignment.ts";

interface CreateFlags {
  readonly node?: string;
  readonly driver: string;
  readonly label: readonly string[];
  readonly opt: readonly string[];
}

export function volumeCreate(cli: Cli): Command {
  return newCommand({
    name: "create",
    usage: "[OPTIONS] VOLUME",
    summary: "Create a volume on a node",
    details:
      "On the node's own disk. Services that mount a volume of this name are placed on this node first. There is no need to create it: a task that mounts a volume that its node doesn't have makes it.",
    examples: [
      { says: "On host2", line: "murmur volume create --node host2 db-data" },
      {
        says: "At a path of the host",
        line: "murmur volume create --node host2 -o type=none -o o=bind -o device=/srv/db db-data",
      },
    ],
  })
    .argument("<name>", "What it is called")
    .option("--node <node>", "Id or host name of the node (default: the one that is asked)")
    .addOption(new Option("-d, --driver <driver>", "Driver of the volume").default("local"))
    .addOption(listOption("--label <key=value>", "Label of the volume; may be repeated"))
    .addOption(listOption("-o, --opt <key=value>", "Option of the driver; may be repeated"))
    .action(async (name: string, { node, driver, label, opt }: CreateFlags) => {
      if (driver !== "local")
        throw invalid(`driver ${driver}: only volumes of the driver local are on one node; create it with docker`);
      const client = await cli.client();
      const Node = node ?? (await client.info()).Swarm.NodeID;
      const { Name, Warnings } = await client.createVolume({
        Name: name,
        Node,
        Driver: driver,
        DriverOpts: parseAssignments(opt),
        Labels: parseAssignments(label),
      });
      for (const warning of Warnings) cli.note(`murmur: warning: ${warning}`);
      cli.print(Name);
    });
}
