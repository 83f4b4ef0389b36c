import type { DockerEvent } from "@murmur/api";
import { Option, type Command } from "commander";
import type { Cli } from "./cli.ts";
import { newCommand } from "./command.ts";
import { EXIT_STATUS } from "./exit-status.ts";
import { filterOption, parseFilters } from "./filter-option.ts";
import { parseSince } from "./logs/since.ts";

interface EventFlags {
  readonly filter: readonly string[];
  readonly format?: "json";
  readonly since?: string;
  readonly until?: string;
}

export function eventsCommand(cli: Cli): Command {
  return newCommand({
    name: "events",
    usage: "[OPTIONS]",
    summary: "Show what happens in the cluster, and on this node's engine, as it does",
    details:
      "What happens to nodes, services, networks, secrets and configs (scope swarm), and what the engine of the asked node tells (scope local). With --since also what is remembered: the last 1,024 events of the cluster, and what the engine keeps.",
    examples: [
      { says: "The cluster only", line: "murmur events --filter scope=swarm" },
      {
        says: "What happened to a service in the last hour",
        line: "murmur events --since 1h --until 0s --filter service=web",
      },
    ],
  })
    .addOption(filterOption("type=service"))
    .addOption(new Option("--format <format>", 'Output as text, or as one "json" object a line').choices(["json"]))
    .option("--since <time>", "Show all events since a time (2026-11-21T03:00:00Z) or so long ago (42m)")
    .option("--until <time>", "Stream events until a time, or so long ago")
    .action(async ({ filter, format, since, until }: EventFlags) => {
      const client = await cli.client();
      const now = cli.ports.clock.now();
      const moment = (name: string, text: string | undefined): string | undefined =>
        text === undefined ? undefined : parseSince(text, now, name);
      const signal = cli.ports.interrupts();
      const filters = parseFilters(filter);
      const wish = { filters, since: moment("--since", since), until: moment("--until", until), signal };
      for await (const event of client.dockerEvents(wish))
        cli.print(format === "json" ? JSON.stringify(event) : lineOf(event));
      if (signal.aborted) cli.exitStatus = EXIT_STATUS.cancelled;
    });
}

/** As Docker's client writes it; the time in UTC. */
function lineOf({ Type, Action, Actor, timeNano }: DockerEvent): string {
  // A number holds today's nanoseconds to a quarter of a microsecond.
  const micros = Math.round(timeNano / 1_000);
  const nanos = `${String(micros % 1_000).padStart(3, "0")}000`;
  const time = new Date(Math.floor(micros / 1_000)).toISOString().replace("Z", `${nanos}Z`);
  const attributes = Object.entries(Actor.Attributes).map(([name, value]) => `${name}=${value}`);
  const more = attributes.length === 0 ? "" : ` (${attributes.toSorted().join(", ")})`;
  return `${time} ${Type} ${Action} ${Actor.ID}${more}`;
}
