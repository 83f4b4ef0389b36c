import type { Random } from "@murmur/base";
import { HistoryRecorder, type Operation } from "../history.ts";

export interface ConcurrentClientsOptions<Input, Output> {
  readonly random: Random;
  readonly clients: number;
  readonly operations: number;
  /** Of 1: how many operations are never answered. Half of them are executed, some long after the client went on. */
  readonly unknownRatio: number;
  /** What a client asks next. */
  readonly choose: (client: number) => Input;
  /** The system: executes at one moment. */
  readonly execute: (input: Input) => Output;
  /** Called between any two moments. */
  readonly meanwhile?: () => void;
}

type Waiting<Input, Output> = {
  readonly input: Input;
  readonly open: ReturnType<HistoryRecorder<Input, Output>["call"]>;
  output?: Output;
};

/**
 * A history as a linearizable system makes it: each operation is executed at one moment between its call and its
 * answer, and clients are interleaved at random.
 */
export class ConcurrentClients<Input, Output> {
  readonly recorder: HistoryRecorder<Input, Output>;
  readonly #options: ConcurrentClientsOptions<Input, Output>;
  readonly #waiting: (Waiting<Input, Output> | undefined)[];
  /** Nobody waits for these, and they are executed all the same. */
  readonly #stray: Input[] = [];
  #steps = 0;

  constructor(options: ConcurrentClientsOptions<Input, Output>) {
    this.#options = options;
    this.recorder = new HistoryRecorder({ limit: options.operations * 2 + 100, now: () => this.#steps });
    this.#waiting = Array.from({ length: options.clients });
  }

  /** Runs until so many operations were called, and those that are answered at all have been. */
  run(): readonly Operation<Input, Output>[] {
    while (this.recorder.size < this.#options.operations) this.step(true);
    while (this.#waiting.some((waiting) => waiting !== undefined)) this.step(false);
    return this.recorder.history();
  }

  /** One moment of one client. */
  step(mayCall: boolean): void {
    const { random, clients, choose, execute, meanwhile, unknownRatio } = this.#options;
    this.#steps += 1;
    meanwhile?.();
    if (this.#stray.length > 0 && random.below(50) === 0) {
      const [input] = this.#stray.splice(random.below(this.#stray.length), 1);
      if (input !== undefined) execute(input);
    }
    const client = random.below(clients);
    const waiting = this.#waiting[client];
    if (waiting === undefined) {
      if (!mayCall) return;
      const input = choose(client);
      this.#waiting[client] = { input, open: this.recorder.call(`c${String(client)}`, input) };
    } else if (waiting.output === undefined) {
      if (random.next() >= unknownRatio) {
        waiting.output = execute(waiting.input);
        return;
      }
      if (random.below(2) === 0) this.#stray.push(waiting.input);
      waiting.open.unknown("timeout");
      this.#waiting[client] = undefined;
    } else {
      waiting.open.returned(waiting.output);
      this.#waiting[client] = undefined;
    }
  }
}
