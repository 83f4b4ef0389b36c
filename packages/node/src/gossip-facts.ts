import type { Clock, Millis, NodeId } from "@murmur/base";
import type { EndpointTable, TaskId } from "@murmur/model";

/** Withdrawals remembered; the committed state follows within seconds, so old ones can go. */
const WITHDRAWN_MAX = 4_096;
const WITHDRAWN_MS: Millis = 60_000;

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
  readonly #withdrawn = new Map<TaskId, Millis>();

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
    const now = this.#clock.monotonic();
    this.#withdrawn.delete(id);
    this.#withdrawn.set(id, now);
    for (const [old, at] of this.#withdrawn) {
      if (this.#withdrawn.size <= WITHDRAWN_MAX && now - at < WITHDRAWN_MS) break;
      this.#withdrawn.delete(old);
    }
    this.#changed();
  }

  /** The committed state has followed: what it no longer offers needs no withdrawal, and may come back healthy. */
  follow(table: EndpointTable): void {
    if (this.#withdrawn.size === 0) return;
    const offered = new Set(table.services.flatMap(({ endpoints }) => endpoints.map(({ taskId: id }) => id)));
    const before = this.#withdrawn.size;
    for (const id of this.#withdrawn.keys()) if (!offered.has(id)) this.#withdrawn.delete(id);
    if (this.#withdrawn.size !== before) this.#changed();
  }

  #changed(): void {
    this.#onChange({ deadNodes: new Set(this.#dead), withdrawn: new Set(this.#withdrawn.keys()) });
  }
}
