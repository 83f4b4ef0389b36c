import { reservedGeneric, type Task } from "@murmur/model";
import { isPending, occupies } from "./task-facts.ts";

/** What tasks that ask for one kind of generic resource ask for beside each unit of it. */
export interface DemandPerUnit {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
}

/** By kind, of those that tasks have or wait for; the same object until it changes. */
export type Demand = ReadonlyMap<string, DemandPerUnit>;

interface Sums {
  amount: number;
  nanoCpus: number;
  memoryBytes: number;
}

/**
 * What the tasks that have or wait for generic resources ask for beside them. It tells how much CPU and memory a unit that
 * is free needs to be of use. Kept to two digits, so that it seldom changes.
 */
export class DemandSums {
  readonly #sums = new Map<string, Sums>();
  #demand: Demand = new Map();

  get demand(): Demand {
    return this.#demand;
  }

  /** Counts a task in (1) or out (-1), as it is or was. */
  count(task: Task, sign: 1 | -1): void {
    const { reservations } = task.spec.resources;
    const generic = reservedGeneric(reservations);
    if (generic.length === 0 || !(occupies(task) || isPending(task))) return;
    for (const [kind, amount] of generic) {
      const sums = this.#sums.get(kind) ?? { amount: 0, nanoCpus: 0, memoryBytes: 0 };
      this.#sums.set(kind, sums);
      sums.amount += sign * amount;
      sums.nanoCpus += sign * reservations.nanoCpus;
      sums.memoryBytes += sign * reservations.memoryBytes;
      this.#note(kind, sums);
    }
  }

  #note(kind: string, { amount, nanoCpus, memoryBytes }: Sums): void {
    const known = this.#demand.get(kind);
    if (amount === 0) {
      this.#sums.delete(kind);
      if (known !== undefined) this.#demand = new Map([...this.#demand].filter(([other]) => other !== kind));
      return;
    }
    const next = { nanoCpus: twoDigits(nanoCpus / amount), memoryBytes: twoDigits(memoryBytes / amount) };
    if (known?.nanoCpus === next.nanoCpus && known.memoryBytes === next.memoryBytes) return;
    this.#demand = new Map([...this.#demand, [kind, next] as const].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const twoDigits = (value: number): number => Number(value.toPrecision(2));
