import type { Clock, Millis, NodeId, Timer } from "@murmur/base";
import type { EndpointTable, TaskId } from "@murmur/model";

/** What isn't there again by then isn't waited for any more: its engine doesn't answer, or it has ended meanwhile. */
const ADOPTION_MS: Millis = 5_000;

/**
 * What a former process of this node has left: containers that run, each with rules in its namespace that go on as they are
 * until it is attached again. So long nobody may be told that this node sends nothing to a task any more.
 */
export class Inheritance implements Disposable {
  readonly #self: NodeId;
  readonly #done = Promise.withResolvers<void>();
  readonly #timer: Timer;
  /** Tasks that may have a container here; undefined until the table is known. */
  #awaited: Set<TaskId> | undefined;

  constructor({ self, clock }: { readonly self: NodeId; readonly clock: Clock }) {
    this.#self = self;
    this.#timer = clock.setTimer(ADOPTION_MS, () => this.#end());
  }

  /** Resolves when all is there again, or wasn't in time. */
  get adopted(): Promise<void> {
    return this.#done.promise;
  }

  /** What there is in the cluster now. The first table says what is waited for; what a later one hasn't got has ended. */
  know({ services }: EndpointTable, isHere: (id: TaskId) => boolean): void {
    const attached = services.flatMap((service) => service.attached ?? []);
    const own = new Set(attached.filter(({ nodeId }) => nodeId === this.#self).map(({ taskId }) => taskId));
    const left = this.#awaited === undefined ? own : this.#awaited.intersection(own);
    this.#awaited = new Set([...left].filter((id) => !isHere(id)));
    if (this.#awaited.size === 0) this.#end();
  }

  /** It is here again. */
  adopt(id: TaskId): void {
    this.#awaited?.delete(id);
    if (this.#awaited?.size === 0) this.#end();
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #end(): void {
    this.#timer.cancel();
    this.#done.resolve();
  }
}
