import {
  holdsSlot,
  isAssigned,
  isDesiredLater,
  isLater,
  isTerminal,
  type ClusterNode,
  type Service,
  type Task,
} from "@murmur/model";
import type { View } from "@murmur/store";
import type { LeavingPairs } from "./leaving-pairs.ts";
import { lacking } from "./node-room.ts";
import type { Judge, Named } from "./violation.ts";

/** One record of a task was replaced by another. */
export function checkTaskChange(judge: Judge, host: Named, previous: Task | undefined, current: Task): void {
  if (previous === undefined) return;
  const { id } = current;
  const [before, now] = [previous.status.state, current.status.state];
  if (isLater(before, now))
    judge.refuse("an observed state never goes back", host, `task ${id} is ${now}`, `it was ${before}`);
  if (isTerminal(before) && now !== before)
    judge.refuse("a task that has ended stays as it ended", host, `task ${id} is ${now}`, `it was ${before}`);
  const [wished, wish] = [previous.desiredState, current.desiredState];
  if (isDesiredLater(wished, wish))
    judge.refuse("a desired state never goes back", host, `task ${id} is wanted ${wish}`, `it was wanted ${wished}`);
  if (previous.nodeId === undefined || previous.nodeId === current.nodeId) return;
  const fact = `task ${id} is on ${current.nodeId ?? "no node"}`;
  judge.refuse("a task's assignment never changes", host, fact, `it was on ${previous.nodeId}`);
}

/** Whether a change gives a node one more task. */
export const isNewlyAssigned = (previous: Task | undefined, current: Task): boolean =>
  current.nodeId !== undefined &&
  isAssigned(current.status.state) &&
  !isTerminal(current.status.state) &&
  (previous === undefined || !isAssigned(previous.status.state));

/** A node is given a task: it takes new ones at that moment. `node`: as it was then. */
export function checkAssignment(judge: Judge, host: Named, task: Task, node: ClusterNode | undefined): void {
  const fact = `task ${task.id} is given to node ${task.nodeId ?? ""}`;
  if (node === undefined) judge.refuse("tasks are given to nodes of the cluster", host, fact, "there is no such node");
  const { availability } = node.spec;
  if (availability !== "active")
    judge.refuse(
      "a node that is paused or drained gets no new task",
      host,
      fact,
      `its availability is ${availability}`,
    );
  const { state } = node.status;
  if (state !== "ready") judge.refuse("a node that isn't ready gets no new task", host, fact, `it is ${state}`);
}

/** The tasks on a node don't need more than it has. */
export function checkCapacity(judge: Judge, host: Named, view: View, node: ClusterNode): void {
  const check = "a node is never given more than it has";
  for (const { reserved, has } of lacking(view, node))
    judge.refuse(check, host, `the tasks on ${node.id} reserve ${reserved}`, `it has ${has}`);
}

/**
 * A slot has one task that the manager wants running, and a second one only while that one replaces the first: in an
 * update, or as one of `pairs`, because the first is leaving.
 */
export function checkSlot(
  judge: Judge,
  host: Named,
  tasks: readonly Task[],
  { service, pairs }: { readonly service: Service | undefined; readonly pairs: LeavingPairs },
): void {
  const holders = tasks.filter(holdsSlot);
  const [first, second, third] = holders;
  if (first === undefined || second === undefined) return;
  const check = "a slot never has two tasks that are wanted running";
  const fact = `slot ${String(first.slot)} of ${first.serviceName} on ${first.nodeId ?? "no node yet"} is held by ${first.id}`;
  const other = (task: Task): string => `by ${task.id}, which is wanted ${task.desiredState} and ${task.status.state}`;
  if (third !== undefined) judge.refuse(check, host, fact, `${other(second)}, and ${other(third)}`);
  if (pairs.has(first, second)) return;
  if (first.specVersion === second.specVersion) judge.refuse(check, host, fact, other(second));
  // A replacement that is held back until the one before has stopped.
  if (first.desiredState === "ready" || second.desiredState === "ready") return;
  if (service === undefined || ordersOf(service).includes("start-first")) return;
  judge.refuse(check, host, fact, `${other(second)}, and no update starts the new one first`);
}

/** In which order tasks may be replaced: the pair may be there since before the service was last changed. */
const ordersOf = ({ spec, previousSpec }: Service): readonly string[] =>
  [spec, previousSpec].flatMap((known) => (known === undefined ? [] : [known.update.order, known.rollback.order]));
