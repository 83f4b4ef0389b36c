import { createReadStream } from "node:fs";
import type { BackupHeader } from "@murmur/api";
import type { Command } from "commander";
import { ClusterError } from "@murmur/base";
import type { Cli } from "../cli.ts";
import { formatOption, newCommand, type ListFormat } from "../command.ts";
import { withDaemon } from "../daemon/ensure-daemon.ts";
import { printJson } from "../format/listing.ts";
import { fileProblem } from "./backup-target.ts";
import { backupText, countsText } from "./backup-text.ts";
import { joinInstructions } from "./join-instructions.ts";
import { addMembershipFlags, membershipBody, type MembershipFlags } from "./membership-options.ts";

interface RestoreFlags extends MembershipFlags {
  readonly show?: boolean;
  readonly forgetNodes?: boolean;
  readonly force?: boolean;
  readonly secretsKey?: string;
  readonly format: ListFormat;
}

export function clusterRestore(cli: Cli): Command {
  const command = newCommand({
    name: "restore",
    usage: "[OPTIONS] FILE",
    summary: "Start a cluster anew from a backup, with this host as its only manager",
    details:
      "For a host that is in no cluster, at whatever address. Starts the daemon when it isn't running. Nodes of the backup that still run are found at their old addresses and come back with their containers; the others stay down until they come back or are removed. Services, settings, join token and keys are those of the backup.",
    examples: [
      { says: "What is in it, and whether it is whole", line: "murmur cluster restore --show murmur.backup" },
      { says: "On the first of some new hosts", line: "murmur cluster restore --forget-nodes murmur.backup" },
      { says: "At another address", line: "murmur cluster restore --advertise-addr 10.1.0.1 murmur.backup" },
    ],
  });
  return addMembershipFlags(command)
    .argument("<file>", "What `murmur cluster backup` wrote")
    .option("--show", "Only show what is in the backup, and check it")
    .option("--forget-nodes", "Leave out the backup's nodes: new hosts take their place")
    .option("-f, --force", "Also when the cluster of the backup still runs: it loses all that is newer")
    .option("--secrets-key <key>", 'What `murmur cluster secrets-key` has shown, or "new" to create all secrets anew')
    .addOption(formatOption())
    .action(async (path: string, flags: RestoreFlags) => {
      const header = await checked(path);
      if (flags.show === true) return flags.format === "json" ? printJson(cli, header) : cli.print(backupText(header));
      const client = await cli.client();
      const body = {
        ...membershipBody(flags),
        forgetNodes: flags.forgetNodes === true,
        force: flags.force === true,
        ...(flags.secretsKey !== undefined && { secretsKey: flags.secretsKey }),
      };
      const answer = await withDaemon(cli, () => client.restore(bytesOf(path), body));
      if (flags.format === "json") return printJson(cli, answer);
      const { clusterName, nodeId, keeps } = answer;
      cli.print(`Cluster ${clusterName} restored: current node (${nodeId}) is now its only manager.`);
      cli.print(`It has ${countsText(keeps)}; \`murmur node ls\` shows which nodes have come back.\n`);
      cli.print(joinInstructions(answer));
    });
}

/** Reads the file to its end before anything is done with it. */
async function checked(path: string): Promise<BackupHeader> {
  const { loadBackups } = await import("@murmur/api");
  const { checkBackup } = await loadBackups();
  try {
    return await checkBackup(bytesOf(path));
  } catch (error) {
    if (error instanceof ClusterError)
      throw new ClusterError(error.code, `${path}: ${error.message}`, { cause: error });
    throw fileProblem(path, error);
  }
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  for await (const bytes of createReadStream(path)) yield bytes as Uint8Array;
}
