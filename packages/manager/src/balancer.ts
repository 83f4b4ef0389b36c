import type { Millis } from "@murmur/base";
import type { ClusterNode, Command, RebalancePolicy, Service, Task } from "@murmur/model";
import { calmOf, type Calm } from "@murmur/orchestrator";
import { rebalance, type NodeSet } from "@murmur/scheduler";
import { movableTasks, whyImmovable, type Change, type View } from "@murmur/store";

/** A move that has not come about by then is given up: the task stays. */
const MOVE_MS: Millis = 5 * 60_000;
/** Changes are not followed more closely than this: whether the cluster is calm takes a look at all tasks. */
const LOOK_MS: Millis = 1_000;
/** Tasks and nodes that one turn looks at, about. */
const LOOKS_A_TURN = 5_000;

/**
 * The cluster's policy of rebalancing, on the leader: once the cluster has been calm for long enough, a few tasks are to
 * move to where they would be placed if they were new; then not before it has been calm again. That bounds the rate, and
 * all of it is read from the state: moves, when tasks were made, when anything changed. What is kept here says where to
 * look next, and which slots have had their move: each has one until nodes or services change. What is better for one
 * service may be worse for another that is placed by another strategy, and they would make each other move for ever.
 */
export class Balancer {
  /** When to look again; infinite: when something has changed. */
  #dueAt: Millis = 0;
  #lookedAt: Millis = -Infinity;
  /** Undefined: to be asked anew. */
  #calm: Calm | undefined;
  /** Services that the present pass still has to look at. */
  #left: Service[] = [];
  /** What has had its move since nodes or services changed. At most one of each slot. */
  readonly #moved = new Set<string>();

  get dueAt(): Millis {
    return this.#dueAt;
  }

  /** Something has changed: that, as far as it is known. */
  noteChange(changes: readonly Change[] = []): void {
    if (this.#moved.size > 0 && changes.some(isReason)) this.#moved.clear();
    this.#calm = undefined;
    this.#dueAt = Math.min(this.#dueAt, this.#lookedAt + LOOK_MS);
  }

  /** The moves that are to be begun now, if any. To be asked when nothing else is to be decided. */
  turn(view: View, nodes: NodeSet, now: Millis): readonly Command[] {
    const { rebalance: policy, strategy } = view.cluster()?.spec ?? {};
    if (policy === undefined) {
      this.#dueAt = Infinity;
      return [];
    }
    if (now < this.#dueAt) return [];
    if (!this.#isCalm(view, policy, now)) return [];
    if (this.#left.length === 0) this.#left = view.services().toReversed();
    let looks = 0;
    while (this.#left.length > 0 && looks < LOOKS_A_TURN) {
      const next = this.#left.pop();
      const service = next && view.service(next.id);
      if (service === undefined || !isIncluded(service)) continue;
      const tasks = movableTasks(view, service, now).filter(
        (task) => isRested(task, policy, now) && !this.#moved.has(slotKey(task)),
      );
      looks += tasks.length + view.nodes().length;
      const options = { now, networks: view, movesMax: policy.movesAtOnce, ...(strategy && { strategy }) };
      const moves = rebalance(nodes, [tasks], options);
      if (moves.length === 0) continue;
      this.#left.push(service);
      for (const { task } of moves) this.#moved.add(slotKey(task));
      this.#dueAt = now + LOOK_MS;
      return [{ kind: "moveTasks", tasks: moves.map(({ task }) => task.id), forMs: MOVE_MS, now }];
    }
    // Tasks come of age without anybody's doing.
    this.#dueAt = this.#left.length > 0 ? now : now + policy.calmMs;
    return [];
  }

  #isCalm(view: View, { calmMs }: RebalancePolicy, now: Millis): boolean {
    if (this.#calm === undefined) {
      this.#lookedAt = now;
      this.#calm = calmOf(view, now);
    }
    const calm = this.#calm;
    this.#dueAt = "since" in calm ? calm.since + calmMs : (calm.until ?? Infinity);
    if (now < this.#dueAt) return false;
    if ("since" in calm) return true;
    this.#calm = undefined;
    return false;
  }
}

const slotKey = ({ serviceId, slot }: Task): string => `${serviceId}/${String(slot)}`;

/** Whether a change may make another place the better one for tasks that have been moved already. */
function isReason(change: Change): boolean {
  if (change.table === "cluster") return change.previous?.spec !== change.current?.spec;
  if (change.table === "services") return change.previous?.spec !== change.current?.spec;
  return change.table === "nodes" && (change.current === undefined || standsOtherwise(change.previous, change.current));
}

const standsOtherwise = (previous: ClusterNode | undefined, { spec, status, description }: ClusterNode): boolean =>
  previous?.spec !== spec ||
  previous.description !== description ||
  previous.status.state !== status.state ||
  previous.status.engine.state !== status.engine.state;

const isIncluded = (service: Service): boolean =>
  service.spec.rebalance !== "off" &&
  service.spec.stopped !== true &&
  service.removing !== true &&
  whyImmovable(service) === undefined;

/** Whether a task may be moved (again): neither it nor the move that it came by, or that failed, is too recent. */
const isRested = ({ createdAt, move }: Task, { restMs }: RebalancePolicy, now: Millis): boolean =>
  now >= Math.max(createdAt, move?.since ?? 0) + restMs;
