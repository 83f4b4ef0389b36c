import { isAssigned, isTerminal, reservedGeneric, type Resources, type Task } from "@murmur/model";

/**
 * What the tasks of one node reserve. Tasks count from their assignment on: those that only wait for the node would else
 * keep each other out of it. The limits of what a task may reserve keep the sums exact.
 */
export class ReservedRoom implements Resources {
  nanoCpus = 0;
  memoryBytes = 0;
  readonly #generic = new Map<string, number>();
  readonly #names = new Map<string, Set<string>>();

  /** How much of a generic resource is reserved. */
  generic(kind: string): number {
    return this.#generic.get(kind) ?? 0;
  }

  /** Whether a task was given this one of what the node offers by name. */
  holdsName(kind: string, name: string): boolean {
    return this.#names.get(kind)?.has(name) ?? false;
  }

  /** Counts a task in (1) or out (-1), as it is or was. */
  count({ status, spec, genericNames = {} }: Task, sign: 1 | -1): void {
    if (!isAssigned(status.state) || isTerminal(status.state)) return;
    const { reservations } = spec.resources;
    this.nanoCpus += sign * reservations.nanoCpus;
    this.memoryBytes += sign * reservations.memoryBytes;
    for (const [kind, amount] of reservedGeneric(reservations)) {
      this.#generic.set(kind, this.generic(kind) + sign * amount);
    }
    for (const [kind, names] of Object.entries(genericNames)) {
      const held = this.#names.get(kind) ?? new Set();
      this.#names.set(kind, held);
      for (const name of names) {
        if (sign > 0) held.add(name);
        else held.delete(name);
      }
    }
  }
}
