import type { Clock, Millis, NodeId } from "@murmur/base";
import type { EndpointTable, TaskId } from "@murmur/model";

/** Withdrawals remembered; beyond that the oldest are forgotten. */
const WITHDRAWN_MAX = 4_096;
/**
 * The committed state follows within seconds, but it may reach this node late and then still have the task, or have it
 * only now. A withdrawn task never serves again, so remembering it longer costs nothing but memory.
 */
const WITHDRAWN_MS: Millis = 600_000;

/** The negative facts: what traffic must avoid although the committed state still has it. */
export interface Avoided {
  readonly deadNodes: ReadonlySet<NodeId>;
  readonly withdrawn: ReadonlySet<TaskId>;
}

/** Collects what gossip says of dead nodes and withdrawn tasks, for whoever sends traffic. Bounded in count and age. */
export class GossipFacts {
  readonly #clock: Clock;
  readonly #onChange: (avoided: Avoided) => void;
  readonly #dead = new Set<NodeId>();
  /** Oldest first. */
  readonly #withdrawn = new Map<TaskId, Millis>();
  #offered: ReadonlySet<TaskId> = new Set();

  constructor(clock: Clock, onChange: (avoided: Avoided) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  setDead(id: NodeId, dead: boolean): void {
    if (this.#dead.has(id) === dead) return;
    if (dead) this.#dead.add(id);
    else this.#dead.delete(id);
    this.#changed();
  }

  withdraw(id: TaskId): void {
    this.#withdrawn.delete(id);
    this.#withdrawn.set(id, this.#clock.monotonic());
    this.#forgetOld();
    this.#changed();
  }

  /** What the committed state offers now. What it still offers stays withdrawn, however long ago that was. */
  follow(table: EndpointTable): void {
    if (this.#withdrawn.size === 0) return;
    this.#offered = new Set(table.services.flatMap(({ endpoints }) => endpoints.map(({ taskId: id }) => id)));
    if (this.#forgetOld()) this.#changed();
  }

  /** Whether there was one. */
  #forgetOld(): boolean {
    const before = this.#withdrawn.size;
    const now = this.#clock.monotonic();
    for (const [id, at] of this.#withdrawn) {
      const isOld = now - at >= WITHDRAWN_MS && !this.#offered.has(id);
      if (isOld || this.#withdrawn.size > WITHDRAWN_MAX) this.#withdrawn.delete(id);
    }
    return this.#withdrawn.size !== before;
  }

  #changed(): void {
    this.#onChange({ deadNodes: new Set(this.#dead), withdrawn: new Set(this.#withdrawn.keys()) });
  }
}
