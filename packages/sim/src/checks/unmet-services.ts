import {
  holdsSlot,
  isAssigned,
  isTerminal,
  matchesConstraints,
  matchesPlatforms,
  type ClusterNode,
  type Service,
  type ServiceId,
  type Task,
} from "@murmur/model";
import { slotOf, type View } from "@murmur/store";
import { waitsForRoom } from "./node-room.ts";

/** What must have become of a service that was acknowledged. */
export type ServiceExpectation =
  | { readonly kind: "removed" }
  /** Undefined: whatever the service's own spec says. */
  | { readonly kind: "running"; readonly replicas?: number | undefined }
  /** It is there; nothing is expected of its tasks. */
  | { readonly kind: "exists" };

/** What must have become of jobs: done, or it is enough that they can still be. */
export type JobExpectation = "done" | "begun";

/** Every service that was acknowledged is there, and runs as it should; so do all others. */
export function unmetServices(
  view: View,
  expected: ReadonlyMap<ServiceId, ServiceExpectation>,
  jobs: JobExpectation = "done",
): string[] {
  const unmet: string[] = [];
  for (const [id, expectation] of expected) {
    const service = view.service(id);
    if (expectation.kind === "removed") {
      if (service !== undefined) unmet.push(`service ${id} was removed and is still there`);
      continue;
    }
    if (service === undefined || service.removing === true) {
      unmet.push(`service ${id} was acknowledged and is gone`);
      continue;
    }
    const { mode } = service.spec;
    const replicas = expectation.kind === "running" ? expectation.replicas : undefined;
    if (replicas !== undefined && mode.kind === "replicated" && mode.replicas !== replicas)
      unmet.push(`service ${id} has ${String(mode.replicas)} replicas, acknowledged were ${String(replicas)}`);
  }
  for (const service of view.services()) {
    if (service.removing === true) unmet.push(`service ${service.id} is still being removed`);
    else if (expected.get(service.id)?.kind !== "exists") unmet.push(...unmetTasks(view, service, jobs));
  }
  for (const task of view.tasks())
    if (view.service(task.serviceId) === undefined) unmet.push(`task ${task.id} belongs to no service`);
  return [...unmet, ...unmetHistory(view)];
}

function unmetTasks(view: View, service: Service, jobs: JobExpectation): string[] {
  const { id, spec, updateStatus } = service;
  if (spec.stopped === true) {
    // Of one whose node is away nobody can say that it has ended; it is told when it comes back.
    const left = view
      .tasksOfService(id)
      .filter((task) => isAssigned(task.status.state) && !isTerminal(task.status.state) && !isAway(nodeOf(view, task)));
    return left.map((task) => `service ${id} is stopped, and its task ${task.id} is ${task.status.state}`);
  }
  const unmet: string[] = [];
  const all = view.tasksOfService(id);
  const holders = all.filter((task) => isHeldForNode(view, service, task));
  const tasks = all.filter((task) => !holders.includes(task));
  const running = tasks.filter(({ desiredState, status }) => desiredState === "running" && status.state === "running");
  const slots = new Set(running.map(slotOf));
  const nodes = nodesFor(view, service);
  const waiting = tasks.filter((task) => holdsSlot(task) && waitsForRoom(view, placesOf(task, nodes), task));
  const isUpdating = updateStatus?.state === "updating" || updateStatus?.state === "rollback_started";
  // An update goes on when there is room for what takes the old tasks' places, or when the node is back that such a one
  // has to wait for (seed 960000013); one that starts first keeps the old ones until then.
  const isHeldUp =
    isUpdating && [...waiting, ...holders].some(({ specVersion }) => specVersion === service.specVersion);
  if (isUpdating && !isHeldUp) unmet.push(`service ${id} is still being updated: ${updateStatus.message}`);
  const roomless = new Set(waiting.map(slotOf).filter((slot) => !slots.has(slot)));
  const done = new Set(tasks.filter(hasCompleted(service)).map(slotOf));
  const held = new Set(holders.map(slotOf).filter((slot) => !slots.has(slot) && !roomless.has(slot)));
  switch (spec.mode.kind) {
    case "replicated":
      unmet.push(
        ...unmetCount(id, running, { slots: slots.size, wanted: spec.mode.replicas - roomless.size - held.size }),
      );
      break;
    case "global":
      unmet.push(...unmetCount(id, running, { slots: slots.size, wanted: nodes.length - roomless.size }));
      for (const node of nodes)
        if (!slots.has(node.id) && !waiting.some(({ nodeId }) => nodeId === node.id))
          unmet.push(`service ${id} has no task on ${node.id}`);
      break;
    case "replicated-job": {
      if (jobs === "begun") return unmet;
      // A run that waits for its node isn't begun elsewhere (seed 640000309); it counts among those at once, as one does
      // that waits for room (seed 720000075).
      const { totalCompletions, maxConcurrent } = spec.mode;
      const stuck = waiting.length + held.difference(done).size;
      const isFull = maxConcurrent > 0 && stuck >= maxConcurrent;
      if (!isFull && done.size + stuck < totalCompletions) unmet.push(`job ${id} is done ${String(done.size)} times`);
      return unmet;
    }
    case "global-job":
      if (jobs === "begun") return unmet;
      for (const node of nodes)
        if (!done.has(node.id) && !waiting.some(({ nodeId }) => nodeId === node.id))
          unmet.push(`job ${id} is not done on ${node.id}`);
      return unmet;
  }
  const excused = new Set([...running, ...waiting]);
  const coming = tasks.filter((task) => holdsSlot(task) && !excused.has(task));
  for (const task of coming) unmet.push(`task ${task.id} of ${id} is ${task.status.state}, ${shown(task)}`);
  return unmet;
}

/** Whether a task keeps its slot while its service waits for a node that is away, for as long as it takes. */
function isHeldForNode(view: View, { spec }: Service, task: Task): boolean {
  const node = nodeOf(view, task);
  return spec.onNodeLoss?.kind === "wait" && node !== undefined && holdsSlot(task) && isAway(node);
}

const nodeOf = (view: View, { nodeId }: Task): ClusterNode | undefined =>
  nodeId === undefined ? undefined : view.node(nodeId);

const isAway = (node: ClusterNode | undefined): boolean =>
  node === undefined || node.status.state === "down" || node.status.engine.state !== "ready";

/** Whether a task is a run of the job, as it is now, that has come to its end. */
export const hasCompleted =
  (service: Service) =>
  ({ status, jobIteration }: Task): boolean =>
    status.state === "complete" && jobIteration === service.jobIteration?.index;

const shown = ({ desiredState, status }: Task): string => `wanted ${desiredState} (${status.error ?? status.message})`;

function unmetCount(
  id: ServiceId,
  running: readonly Task[],
  { slots, wanted }: { readonly slots: number; readonly wanted: number },
): string[] {
  if (running.length === wanted && slots === wanted) return [];
  return [`service ${id} has ${String(running.length)} tasks in ${String(slots)} slots, wanted are ${String(wanted)}`];
}

/** Where a task may run: that of a global service has its node from the start. */
const placesOf = ({ nodeId }: Task, nodes: readonly ClusterNode[]): readonly ClusterNode[] =>
  nodeId === undefined ? nodes : nodes.filter(({ id }) => id === nodeId);

/** The nodes that a service's tasks may run on; a global service serves all of them. */
export function nodesFor(view: View, service: Service): ClusterNode[] {
  const { constraints, platforms } = service.spec.task.placement;
  return view.nodes().filter((node) => {
    const { spec, status } = node;
    const open = spec.availability === "active" && status.state === "ready" && status.engine.state === "ready";
    return open && matchesConstraints(node, constraints) && matchesPlatforms(node, platforms);
  });
}

/** The reaper keeps no more than the limit, and one more while the last task isn't up yet. */
function unmetHistory(view: View): string[] {
  const limit = Math.max(view.cluster()?.spec.taskHistoryLimit ?? 1, 1) + 1;
  return view.services().flatMap(({ id }) => {
    const counts = new Map<unknown, number>();
    for (const task of view.tasksOfService(id)) counts.set(slotOf(task), (counts.get(slotOf(task)) ?? 0) + 1);
    return [...counts]
      .filter(([, count]) => count > limit)
      .map(([slot, count]) => `slot ${String(slot)} of ${id} keeps ${String(count)} tasks`);
  });
}
