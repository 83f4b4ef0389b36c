import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { existingNodes } from "./dev-layout.ts";
import { addDevFlags, devRoot, type DevFlags } from "./dev-options.ts";
import { printStatus } from "./dev-table.ts";

export function devStatus(cli: Cli): Command {
  const command = newCommand({
    name: "status",
    usage: "[OPTIONS]",
    summary: "Show the nodes of the cluster on this machine",
    examples: [{ says: "With their sockets", line: "murmur dev status" }],
  });
  return addDevFlags(command)
    .addOption(formatOption())
    .action(async (flags: DevFlags & { readonly format: ListFormat }) => {
      await printStatus(cli, await existingNodes(devRoot(flags, cli.ports)), flags.format);
    });
}
