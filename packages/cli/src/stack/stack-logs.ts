import type { LogOptions, Service } from "@murmur/api";
import { ClusterError } from "@murmur/base";
import type { Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { addLogFlags, showLogs, type LogFlags } from "../logs/show-logs.ts";
import { mergedLogs, withoutTime } from "./merged-logs.ts";
import { checkStackName, keyOf, ofStack } from "./stack-name.ts";

export function stackLogs(cli: Cli): Command {
  const command = newCommand({
    name: "logs",
    usage: "[OPTIONS] STACK [SERVICE...]",
    summary: "Fetch the logs of a stack's services",
    details:
      "Of all of them, or of those that are named, merged in the order of their times. Followed, tasks that start later are in it too, but services that are made later are not.",
    examples: [
      { says: "The last ten lines of each task, then what comes", line: "murmur stack logs -f --tail 10 shop" },
      { says: "Of two of its services", line: "murmur stack logs shop web db" },
    ],
  })
    .argument("<stack>", "Name")
    .argument("[services...]", "Names, in the file or in the cluster");
  return addLogFlags(command).action(async (stack: string, names: readonly string[], flags: LogFlags) => {
    checkStackName(stack);
    const services = await (await cli.client()).services({ filters: ofStack(stack) });
    const chosen = chosenOf(stack, names, services);
    const terminal = chosen.find(({ Spec }) => Spec.TaskTemplate.ContainerSpec.TTY === true);
    if (terminal !== undefined) {
      const name = terminal.Spec.Name ?? terminal.ID;
      throw invalid(
        `service ${name} has a terminal (tty), whose output can't be merged: murmur service logs --raw ${name}`,
      );
    }
    const slots = Math.max(1, ...chosen.map(({ Spec }) => Spec.Mode?.Replicated?.Replicas ?? 1));
    await showLogs(cli, flags, { tty: false, slots, read: (options) => read(cli, chosen, options) });
  });
}

function chosenOf(stack: string, names: readonly string[], services: readonly Service[]): readonly Service[] {
  if (services.length === 0) throw new ClusterError("not_found", `nothing found in stack: ${stack}`);
  if (names.length === 0) return services;
  return names.map((name) => {
    const found = services.find(({ Spec }) => Spec.Name === name || keyOf(stack, Spec.Name ?? "") === name);
    if (found === undefined) throw new ClusterError("not_found", `stack ${stack} has no service ${name}`);
    return found;
  });
}

/** Each service's log is a connection of its own. */
async function* read(
  cli: Cli,
  services: readonly Service[],
  options: LogOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { encodeFrame, MurmurClient, readFrames } = await import("@murmur/api");
  const { clock } = cli.ports;
  const clients = services.map(() => new MurmurClient(cli.daemon));
  try {
    const logs = services.map(({ ID }, at) => {
      const client = clients[at];
      if (client === undefined) throw new Error("there is a client for each service");
      return readFrames(client.serviceLogs(ID, { ...options, timestamps: true }));
    });
    for await (const frame of mergedLogs(logs, { clock, follow: options.follow === true })) {
      const { stream, payload } = options.timestamps === true ? frame : withoutTime(frame);
      yield encodeFrame(stream, payload);
    }
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
}
