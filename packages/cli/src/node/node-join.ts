import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { addMembershipFlags, membershipBody, type MembershipFlags } from "../cluster/membership-options.ts";
import { newCommand } from "../command.ts";
import { withDaemon } from "../daemon/ensure-daemon.ts";

interface JoinFlags extends MembershipFlags {
  readonly token: string;
}

export function nodeJoin(cli: Cli): Command {
  const command = newCommand({
    name: "join",
    usage: "[OPTIONS] --token TOKEN HOST:PORT [HOST:PORT...]",
    summary: "Join this host to a cluster",
    details:
      "Starts the daemon in the background when it isn't running. Several addresses are tried in turn. `murmur cluster join-token`, on a node of the cluster, prints the whole line.",
    examples: [{ says: "With the line that init printed", line: "murmur node join --token MURMUR-… 10.0.0.1:7373" }],
  })
    .argument("<addresses...>", "Nodes of the cluster")
    .requiredOption("--token <token>", "What lets this host in");
  return addMembershipFlags(command).action(async (addresses: readonly string[], flags: JoinFlags) => {
    const client = await cli.client();
    const body = { ...membershipBody(flags), token: flags.token, addresses: [...addresses] };
    const { nodeId } = await withDaemon(cli, () => client.joinCluster(body));
    cli.print(`This host joined the cluster as node ${nodeId}.`);
  });
}
