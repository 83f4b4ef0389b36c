import {
  holdsSlot,
  matchesConstraints,
  matchesPlatforms,
  type ClusterNode,
  type Service,
  type ServiceId,
  type Task,
} from "@murmur/model";
import { slotOf, type View } from "@murmur/store";

/** What must have become of a service that was acknowledged. */
export type ServiceExpectation =
  | { readonly kind: "removed" }
  /** Undefined: whatever the service's own spec says. */
  | { readonly kind: "running"; readonly replicas?: number | undefined }
  /** It is there; nothing is expected of its tasks. */
  | { readonly kind: "exists" };

/** Every service that was acknowledged is there, and runs as it should; so do all others. */
export function unmetServices(view: View, expected: ReadonlyMap<ServiceId, ServiceExpectation>): string[] {
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
    else if (expected.get(service.id)?.kind !== "exists") unmet.push(...unmetTasks(view, service));
  }
  for (const task of view.tasks())
    if (view.service(task.serviceId) === undefined) unmet.push(`task ${task.id} belongs to no service`);
  return [...unmet, ...unmetHistory(view)];
}

function unmetTasks(view: View, service: Service): string[] {
  const { id, spec, updateStatus } = service;
  const unmet: string[] = [];
  if (updateStatus?.state === "updating" || updateStatus?.state === "rollback_started")
    unmet.push(`service ${id} is still being updated: ${updateStatus.message}`);
  const tasks = view.tasksOfService(id);
  const running = tasks.filter(({ desiredState, status }) => desiredState === "running" && status.state === "running");
  const slots = new Set(running.map(slotOf));
  const done = new Set(tasks.filter(hasCompleted(service)).map(slotOf));
  switch (spec.mode.kind) {
    case "replicated":
      unmet.push(...unmetCount(id, running, { slots: slots.size, wanted: spec.mode.replicas }));
      break;
    case "global":
      unmet.push(...unmetCount(id, running, { slots: slots.size, wanted: nodesFor(view, service).length }));
      for (const node of nodesFor(view, service))
        if (!slots.has(node.id)) unmet.push(`service ${id} has no task on ${node.id}`);
      break;
    case "replicated-job":
      if (done.size < spec.mode.totalCompletions) unmet.push(`job ${id} is done ${String(done.size)} times`);
      return unmet;
    case "global-job":
      for (const node of nodesFor(view, service))
        if (!done.has(node.id)) unmet.push(`job ${id} is not done on ${node.id}`);
      return unmet;
  }
  const coming = tasks.filter((task) => holdsSlot(task) && !running.includes(task));
  for (const task of coming) unmet.push(`task ${task.id} of ${id} is ${task.status.state}, ${shown(task)}`);
  return unmet;
}

const hasCompleted =
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

/** The nodes that a global service serves. */
function nodesFor(view: View, service: Service): ClusterNode[] {
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
