import type { Task } from "@murmur/api";
import type { Cli } from "../cli.ts";
import type { Display } from "../progress/display.ts";
import type { Baseline } from "../progress/judge.ts";
import type { Picture } from "../progress/picture.ts";
import { watchService } from "../progress/service-source.ts";
import { slotsOf } from "../progress/slots.ts";
import { waitForService, type Outcome } from "../progress/wait.ts";

export interface Follow {
  readonly id: string;
  readonly baseline: Baseline;
  readonly display: Display;
  /** Called once, when all tasks that are wanted have been started. */
  readonly onStarted: () => void;
  readonly signal: AbortSignal;
}

/** Shows a service's progress until it has converged, or can't. Rejects with what the daemon says when it can't be asked. */
export async function followed(cli: Cli, { id, baseline, display, onStarted, signal }: Follow): Promise<Outcome> {
  const { clock } = cli.ports;
  const { MurmurClient } = await import("@murmur/api");
  // Connections of its own: cutting the stream off must not touch those of other requests.
  const client = new MurmurClient(cli.daemon);
  const ended = new AbortController();
  let started = false;
  async function* seen(pictures: AsyncIterable<Picture>): AsyncGenerator<Picture, void, undefined> {
    for await (const picture of pictures) {
      if (!started && hasStarted(picture)) {
        started = true;
        onStarted();
      }
      yield picture;
    }
  }
  try {
    const pictures = seen(watchService(client, id, { clock, signal: ended.signal }));
    return await waitForService(pictures, { baseline, display, clock, signal });
  } finally {
    client[Symbol.dispose]();
    ended.abort();
  }
}

/** Whether every task of the present spec that is wanted runs, healthy or not yet, or has done its work. */
function hasStarted(picture: Picture): boolean {
  const { service } = picture;
  if (service === undefined) return false;
  const { Mode } = service.Spec;
  const wanted = Mode?.Replicated?.Replicas ?? Mode?.ReplicatedJob?.TotalCompletions ?? 1;
  const tasks = slotsOf(picture).map(({ current }) => current);
  const current = tasks.filter(({ Murmur }) => Murmur.SpecVersion === service.Murmur.SpecVersion);
  return (
    current.length >= (Mode?.Global === undefined && Mode?.GlobalJob === undefined ? wanted : 1) && current.every(runs)
  );
}

const runs = ({ Status }: Task): boolean => Status.State === "running" || Status.State === "complete";
