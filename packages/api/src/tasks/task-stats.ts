import type { Clock, Millis, NodeId } from "@murmur/base";
import type { TaskSample } from "../murmur-types.ts";
import type { Engine } from "../ports.ts";
import { Turns } from "../turns.ts";
import { ownContainers } from "./own-containers.ts";
import { sampleOf } from "./stats-sample.ts";

/** Containers that the engine is asked about at once. */
const ASKED_AT_ONCE = 16;
/** How long a sample is taken for the present: however many look on, the engine is asked so often. */
const FRESH_MS: Millis = 900;

interface Taken {
  readonly at: Millis;
  readonly sample: Promise<TaskSample | undefined>;
}

/** What the containers of this node's tasks use. */
export class TaskStats {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #turns: Turns;
  /** Invariant: each is younger than `FRESH_MS`, or will be left out at the next look. */
  #taken = new Map<string, Taken>();

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
    this.#turns = new Turns({ places: ASKED_AT_ONCE, clock });
  }

  /** Of these tasks, or of all that run here. Errors: `unavailable` when the engine doesn't answer. */
  async look(
    { self, tasks }: { readonly self: NodeId; readonly tasks: readonly string[] },
    signal: AbortSignal,
  ): Promise<readonly TaskSample[]> {
    const now = this.#clock.monotonic();
    this.#taken = new Map([...this.#taken].filter(([, { at }]) => now - at < FRESH_MS));
    const containers = await ownContainers(this.#engine, { self }, signal);
    const wanted = tasks.length === 0 ? containers.running : tasks.filter((task) => containers.running.includes(task));
    const samples = await Promise.all(wanted.map((task) => this.#sample(task, containers.find(task) ?? "")));
    return samples.filter((sample) => sample !== undefined);
  }

  /** Not bound to one caller: several may wait for it. The engine's adapter bounds its time. */
  #sample(task: string, container: string): Promise<TaskSample | undefined> {
    const known = this.#taken.get(task);
    if (known !== undefined) return known.sample;
    const sample = this.#turns.take(async () => {
      const path = `/containers/${container}/stats?stream=false&one-shot=true`;
      const { status, body } = await this.#engine.get(path, new AbortController().signal);
      return status === 200 ? sampleOf(task, body) : undefined;
    });
    this.#taken.set(task, { at: this.#clock.monotonic(), sample: sample.catch(() => undefined) });
    return sample;
  }
}
