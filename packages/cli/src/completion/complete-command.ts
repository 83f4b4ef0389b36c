import type { MurmurClient } from "@murmur/api";
import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { stacksIn } from "../stack/stacks-in.ts";
import { complete, type Candidate, type Names } from "./candidates.ts";

/** Nobody waits longer than this for a name. */
const TIMEOUT_MS = 1_000;
/** The last line of an answer that leaves the word to the shell: `:files`. */
const FILES = ":files";

/** What the shells' scripts ask: one `WORD<TAB>DESCRIPTION` a line. Never fails. */
export function completeCommand(cli: Cli, program: Command): Command {
  return newCommand({ name: "__complete", usage: "-- WORD...", summary: "Complete a command line", examples: [] })
    .argument("[words...]")
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (words: readonly string[]) => {
      const { candidates, names, prefix, suffix } = complete(program, words);
      const found = await namesOf(cli, names, words);
      const known = found
        .filter(({ word }) => word.startsWith(prefix))
        .map(({ word, says }) => ({ word: word + suffix, says }));
      for (const { word, says } of [...candidates, ...known]) cli.print(says === "" ? word : `${word}\t${says}`);
      if (names === "files") cli.print(FILES);
    });
}

async function namesOf(cli: Cli, names: Names | undefined, words: readonly string[]): Promise<readonly Candidate[]> {
  if (names === undefined || names === "files") return [];
  try {
    const { MurmurClient } = await import("@murmur/api");
    using client = new MurmurClient({ ...cli.daemon, host: hostIn(words) ?? cli.host, timeoutMs: TIMEOUT_MS });
    return (await ask(client, names)).sort((a, b) => (a.word < b.word ? -1 : 1));
  } catch {
    return [];
  }
}

async function ask(client: MurmurClient, names: Exclude<Names, "files">): Promise<Candidate[]> {
  switch (names) {
    case "services":
      return (await client.services()).map(({ ID, Spec }) => ({
        word: Spec.Name ?? ID,
        says: Spec.TaskTemplate.ContainerSpec.Image,
      }));
    case "nodes":
      return (await client.nodes()).map(({ ID, Description, Status }) => ({
        word: Description.Hostname || ID,
        says: Status.State,
      }));
    case "networks":
    case "cluster networks":
      return (await client.networks(names === "networks" ? {} : { filters: { scope: ["swarm"] } })).map(
        ({ Name, Driver }) => ({ word: Name, says: Driver }),
      );
    case "volumes":
      return (await client.volumes()).map(({ Name, Node }) => ({ word: Name, says: Node.Hostname }));
    case "secrets":
      return (await client.secrets()).map(({ Spec }) => ({ word: Spec.Name, says: "" }));
    case "configs":
      return (await client.configs()).map(({ Spec }) => ({ word: Spec.Name, says: "" }));
    case "stacks":
      return (await stacksIn(client)).map(({ name, services }) => ({
        word: name,
        says: `${String(services)} services`,
      }));
    case "tasks":
      return (await client.tasks()).map(({ ID, Murmur }) => ({ word: ID, says: Murmur.Name }));
  }
}

/** The daemon that the unfinished line names before its command. */
function hostIn(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === "-H" || word === "--host" || word === "--socket");
  if (at >= 0 && at < words.length - 2) return words[at + 1];
  return words
    .slice(0, -1)
    .map((word) => /^--(?:host|socket)=(.+)$/.exec(word)?.[1])
    .find((host) => host !== undefined);
}
