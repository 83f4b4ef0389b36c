import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";

export function clusterUnlock(cli: Cli): Command {
  return newCommand({
    name: "unlock",
    usage: "",
    summary: "Unlock this node after its restart",
    details:
      "Asks for the unlock key at a terminal, else reads it from standard input: a command line is no place for it.",
    examples: [{ says: "From a password store", line: "pass murmur-unlock | murmur cluster unlock" }],
  }).action(async () => {
    const client = await cli.client();
    const { Swarm } = await client.info();
    if (Swarm.LocalNodeState === "inactive") throw invalid("this node is in no cluster");
    if (Swarm.LocalNodeState !== "locked") throw invalid("this node is not locked");
    await client.unlock(await keyFrom(cli));
    cli.print("Node unlocked.");
  });
}

/** More than a key is none. */
const TEXT_BYTES_MAX = 1_024;

async function textOf(input: AsyncIterable<Uint8Array>): Promise<string> {
  let bytes = Buffer.alloc(0);
  for await (const part of input) {
    bytes = Buffer.concat([bytes, part]);
    if (bytes.length > TEXT_BYTES_MAX) throw invalid("standard input is longer than an unlock key");
  }
  return bytes.toString();
}

async function keyFrom({ ports }: Cli): Promise<string> {
  const text = ports.stdin.isTerminal
    ? ((await ports.ask("Please enter unlock key: ")) ?? "")
    : await textOf(ports.stdin.read());
  const key = text.trim();
  if (key === "") throw invalid("give the key that `murmur cluster unlock-key` has shown");
  return key;
}
