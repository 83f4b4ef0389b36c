import {
  DESIRED_STATES,
  equal,
  holdsSlot,
  isAssigned,
  isDesiredLater,
  isLater,
  isLeaving,
  isTerminal,
  LIMITS,
  singleLine,
  updateConfigOf,
  wantsToRun,
  type Command,
  type Service,
  type Task,
  type TaskId,
  type TaskSpec,
} from "@murmur/model";
import { roomFor } from "./capacity.ts";
import { presentNetwork } from "./decide-network.ts";
import { noNode } from "./decide-node.ts";
import { forgetRestarts, noService, present } from "./decide-service.ts";
import { accepted, putTask, remove, type Context, type Decision } from "./decision.ts";
import { addressesFor } from "./own-addresses.ts";
import { refused, type Refusal } from "./result.ts";
import type { State } from "./state.ts";
import { slotOf } from "./view.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;
type NewTask = Of<"createTask">["task"];

/**
 * Takes a new task in. It must be of the service's current spec version or of the one before (a replacement in an
 * update that is paused), carry that version's spec or none, and find its slot free.
 */
export function createTask(context: Context, { task }: Of<"createTask">): Decision {
  const { state, index, now } = context;
  if (state.task(task.id) !== undefined) return refused("already_exists", `task ${task.id} exists already`);
  const service = present(state, task.serviceId);
  if (service === undefined) return noService(task.serviceId);
  if (state.taskCount >= LIMITS.tasks)
    return refused("overloaded", `the cluster has ${LIMITS.tasks} tasks, the most it takes`);
  const spec = specAt(service, task.specVersion);
  if (spec === undefined) {
    return refused("out_of_date", `service ${service.spec.name} has no spec version ${task.specVersion} any more`);
  }
  if (task.spec !== undefined && !equal(task.spec, spec)) {
    return refused("invalid_argument", `task ${task.id} does not carry the spec of service ${service.spec.name}`);
  }
  const refusal = misshapen(state, service, task) ?? slotTaken(context, service, task);
  if (refusal !== undefined) return refusal;
  const { nodeId } = task;
  if (nodeId !== undefined && state.node(nodeId) === undefined) return noNode(nodeId);
  const { serviceLabels, endpointPorts, networks } = sharedParts(state, task);
  const message = singleLine(task.status.message);
  const status = message === task.status.message ? task.status : { ...task.status, message };
  const made: Task = {
    ...task,
    serviceLabels,
    endpointPorts,
    networks,
    spec,
    status,
    createdAt: now,
    updatedAt: now,
    version: index,
  };
  return accepted(task.id, [putTask(service.registryAuth === undefined ? made : { ...made, hasLogin: true })]);
}

function specAt(service: Service, version: number): TaskSpec | undefined {
  if (version === service.specVersion) return service.spec.task;
  return version === service.previousSpecVersion ? service.previousSpec?.task : undefined;
}

function misshapen(state: State, service: Service, task: NewTask): Refusal | undefined {
  const { kind } = service.spec.mode;
  const perNode = kind === "global" || kind === "global-job";
  if (perNode && (task.slot !== 0 || task.nodeId === undefined)) return says(task, kind, "must have a node and slot 0");
  if (!perNode && task.slot === 0) return says(task, kind, "must have a slot");
  const { desiredState, status, networks } = task;
  if (!wantsToRun(desiredState)) return says(task, kind, `can't begin with desired state ${desiredState}`);
  if (isAssigned(status.state)) return says(task, kind, `can't begin with state ${status.state}`);
  for (const { networkId } of networks) {
    if (presentNetwork(state, networkId) === undefined) return refused("not_found", `network ${networkId} not found`);
  }
  if (networks.length < 2) return undefined;
  const ids = networks.map(({ networkId }) => networkId);
  const twice = ids.find((id, at) => ids.indexOf(id) < at);
  return twice === undefined ? undefined : says(task, kind, `names network ${twice} twice`);
}

const says = ({ id }: NewTask, kind: string, what: string): Refusal =>
  refused("invalid_argument", `task ${id} of a ${kind} service ${what}`);

/**
 * A slot has one task that holds it (`holdsSlot`). A second one is let in only of the current spec version, to replace
 * the first: because that one is of another version, and the new one is held back or the update (or rollback) starts it
 * first, or because the first works on only until it is replaced. Never a third. Whoever makes a task has read the state
 * before what has changed it meanwhile.
 */
function slotTaken({ state, now }: Context, service: Service, task: NewTask): Refusal | undefined {
  const slot = slotOf(task);
  if (slot === undefined) return undefined;
  const holders = state.tasksOfSlot(service.id, slot).filter(holdsSlot);
  const [holder] = holders;
  if (holder === undefined) return undefined;
  const isCurrent = task.specVersion === service.specVersion;
  const isOld = holder.specVersion !== service.specVersion;
  const mayGo =
    (isOld && (task.desiredState === "ready" || updateConfigOf(service).order === "start-first")) ||
    mayBeRelieved({ state, now }, service, holder);
  if (isCurrent && mayGo && holders.length === 1) return undefined;
  return refused("failed_precondition", `slot ${slot} of service ${service.spec.name} is held by task ${holder.id}`);
}

/** Whether a task may have another one beside it that is to take over. */
function mayBeRelieved({ state, now }: Pick<Context, "state" | "now">, service: Service, task: Task): boolean {
  if (task.nodeId === undefined || service.spec.mode.kind !== "replicated") return false;
  return task.status.state === "running" && isLeaving(task, state.node(task.nodeId), now);
}

/** The parts that are the same for most tasks of a service: the sibling's own objects, to keep memory small. */
function sharedParts(state: State, task: NewTask): Pick<Task, "serviceLabels" | "endpointPorts" | "networks"> {
  const sibling = state.someTaskOfService(task.serviceId);
  if (sibling === undefined) return task;
  const { serviceLabels, endpointPorts, networks } = task;
  return {
    serviceLabels: equal(serviceLabels, sibling.serviceLabels) ? sibling.serviceLabels : serviceLabels,
    endpointPorts: equal(endpointPorts, sibling.endpointPorts) ? sibling.endpointPorts : endpointPorts,
    networks: equal(networks, sibling.networks) ? sibling.networks : networks,
  };
}

/** Gives a task its node, and its addresses, once; for a task that was made for a node, confirms that one. */
export function assignTask({ state, index, now }: Context, command: Of<"assignTask">): Decision {
  const { id, nodeId, leftVolumes } = command;
  const task = state.task(id);
  if (task === undefined) return noTask(id);
  const waits = !isAssigned(task.status.state);
  if (!waits || (task.nodeId ?? nodeId) !== nodeId) {
    return refused("failed_precondition", `task ${id} has been assigned to node ${task.nodeId ?? "none"} already`);
  }
  if (!wantsToRun(task.desiredState)) return refused("failed_precondition", `task ${id} is not wanted any more`);
  const node = state.node(nodeId);
  if (node === undefined) return noNode(nodeId);
  if (node.status.state !== "ready" || node.spec.availability !== "active") {
    const is = `${node.status.state} and ${node.spec.availability}`;
    return refused("failed_precondition", `node ${nodeId} takes no tasks: it is ${is}`);
  }
  const room = roomFor(state, node, task);
  if ("lacks" in room)
    return refused("failed_precondition", `node ${nodeId} has not enough ${room.lacks} for task ${id}`);
  const own = addressesFor({ state, index }, task);
  if ("ok" in own) return own;
  const status = { state: "assigned", at: now, message: "scheduler assigned task to node" } as const;
  const next = { ...task, nodeId, status, updatedAt: now, version: index };
  // Most tasks get none of these; spreading what is empty costs as much as all else here.
  const getsMore = own.addresses !== undefined || room.genericNames !== undefined || leftVolumes !== undefined;
  return accepted(id, [putTask(getsMore ? { ...next, ...own, ...room, ...(leftVolumes && { leftVolumes }) } : next)]);
}

/** Why a task waits for a node. */
export function explainTask({ state, index, now }: Context, command: Of<"explainTask">): Decision {
  const task = state.task(command.id);
  if (task === undefined) return noTask(command.id);
  if (isAssigned(task.status.state)) {
    return refused("failed_precondition", `task ${task.id} is ${task.status.state}, it doesn't wait for a node`);
  }
  const message = singleLine(command.message);
  const error = singleLine(command.error);
  const { status } = task;
  if (status.message === message && (status.error ?? "") === error) return accepted(task.id);
  const next = { state: "pending", at: now, message, ...(error !== "" && { error }) } as const;
  return accepted(task.id, [putTask({ ...task, status: next, updatedAt: now, version: index })]);
}

/** Desired state only becomes more final. Saying again what is so already changes nothing. */
export function setDesiredState({ state, index, now }: Context, { id, desired }: Of<"setDesiredState">): Decision {
  const task = state.task(id);
  if (task === undefined) return noTask(id);
  if (task.desiredState === desired) return accepted(id);
  if (!isDesiredLater(desired, task.desiredState)) {
    const order = DESIRED_STATES.join(", ");
    return refused(
      "failed_precondition",
      `task ${id} can't go from ${task.desiredState} to ${desired}: the order is ${order}`,
    );
  }
  return accepted(id, [putTask({ ...task, desiredState: desired, updatedAt: now, version: index })]);
}

/** Asks for tasks to be moved; how many of them at a time is for the leader to say. */
export function moveTasks({ state, index, now }: Context, { tasks, forMs }: Of<"moveTasks">): Decision {
  const writes = [...new Set(tasks)].flatMap((id) => {
    const task = state.task(id);
    if (task === undefined || task.desiredState !== "running" || task.status.state !== "running") return [];
    if (present(state, task.serviceId)?.spec.mode.kind !== "replicated") return [];
    return [putTask({ ...task, move: { since: now, until: now + forMs }, updatedAt: now, version: index })];
  });
  return accepted(undefined, writes);
}

/** Deletes a task's record, once nothing of it is left that anybody could ask about. */
export function removeTask({ state }: Context, { id }: Of<"removeTask">): Decision {
  const task = state.task(id);
  if (task === undefined) return noTask(id);
  if (!isRemovable(state, task)) {
    return refused("failed_precondition", `task ${id} is ${task.status.state}; it must stop before it is removed`);
  }
  const slot = slotOf(task);
  const isLast = slot !== undefined && state.tasksOfSlot(task.serviceId, slot).length === 1;
  return accepted(id, [remove("tasks", id), ...(isLast ? forgetRestarts(state, task.serviceId, slot) : [])]);
}

/**
 * Whether a record may go: the task has ended, no node was ever told of it, or its node is gone. One that is to be
 * removed need not wait for a node that is down either: when that node comes back, its agent removes every container
 * that its full assignment doesn't name.
 */
function isRemovable(state: State, { nodeId, status, desiredState }: Task): boolean {
  if (nodeId === undefined || !isAssigned(status.state) || isTerminal(status.state)) return true;
  const node = state.node(nodeId);
  return node === undefined || (desiredState === "remove" && node.status.state === "down");
}

/**
 * What a node observed of its tasks. Tasks that are gone, that are another node's, and statuses that would go back are
 * passed over, so that a report that is late or sent twice does no harm.
 */
export function reportTasks({ state, index, now }: Context, command: Of<"reportTasks">): Decision {
  if (state.node(command.nodeId) === undefined) return noNode(command.nodeId);
  const latest = new Map<TaskId, Task>();
  for (const { id, status } of command.statuses) {
    const task = latest.get(id) ?? state.task(id);
    if (task === undefined || task.nodeId !== command.nodeId || !mayFollow(status.state, task)) continue;
    const { error } = status;
    const tidy = {
      ...status,
      message: singleLine(status.message),
      ...(error !== undefined && { error: singleLine(error) }),
    };
    if (!equal(tidy, task.status)) latest.set(id, { ...task, status: tidy, updatedAt: now, version: index });
  }
  return accepted(command.nodeId, [...latest.values()].map(putTask));
}

/** An agent moves its task forward, or adds to what it said, once it was given it; a task that has ended stays as it ended. */
function mayFollow(next: Task["status"]["state"], task: Task): boolean {
  const { state } = task.status;
  if (!isAssigned(state) || isTerminal(state) || next === "orphaned") return false;
  return next === state || isLater(next, state);
}

const noTask = (id: TaskId): Refusal => refused("not_found", `task ${id} not found`);
