import type { Millis, NodeId } from "@murmur/base";
import {
  equal,
  LIMITS,
  nodeNetworkOf,
  singleLine,
  type Command,
  type Service,
  type ServiceId,
  type ServiceSpec,
  type UpdateStatus,
} from "@murmur/model";
import { outOfSequence } from "./decide-cluster.ts";
import { presentNetwork } from "./decide-network.ts";
import { missingPayload } from "./decide-payload.ts";
import { accepted, putRestarts, putService, remove, type Context, type Decision } from "./decision.ts";
import { ingressNetwork, missingIngress } from "./ingress.ts";
import { networksOf, vipsFor } from "./own-addresses.ts";
import { refused, type Refusal } from "./result.ts";
import { choosePorts } from "./service-ports.ts";
import { nextSpecVersion } from "./spec-version.ts";
import { restartKey, type State } from "./state.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

export function createService({ state, index, now }: Context, command: Of<"createService">): Decision {
  const { id, spec } = command;
  if (state.service(id) !== undefined) return refused("already_exists", `service ${id} exists already`);
  const namesake = state.serviceByName(spec.name);
  if (namesake !== undefined) {
    return refused(
      "name_conflict",
      `name conflicts with an existing object: service ${spec.name} already exists (${namesake.id})`,
    );
  }
  if (state.serviceCount >= LIMITS.services) {
    return refused("overloaded", `the cluster has ${LIMITS.services} services, the most it takes; remove some`);
  }
  const missing = missingIn(state, spec);
  if (missing !== undefined) return missing;
  const ports = choosePorts(state, id, spec.endpoint.ports);
  if ("ok" in ports) return ports;
  const virtual = vipsFor({ state, index }, spec);
  if ("ok" in virtual) return virtual;
  const service: Service = {
    id,
    createdAt: now,
    updatedAt: now,
    version: index,
    specVersion: index,
    spec,
    ports,
    ...virtual,
    ...(command.registryAuth !== undefined && { registryAuth: command.registryAuth }),
    ...(isJob(spec) && { jobIteration: { index: 0, startedAt: now } }),
  };
  return accepted(id, [putService(service)]);
}

export function updateService(context: Context, command: Of<"updateService">): Decision {
  const { spec, version } = command;
  const service = present(context.state, command.id);
  if (service === undefined) return noService(command.id);
  if (version !== service.version) return outOfSequence(`service ${service.spec.name}`, service.version, version);
  if (spec.name !== service.spec.name) return refused("unsupported", "renaming services is not supported");
  if (spec.mode.kind !== service.spec.mode.kind) {
    return refused("unsupported", "service mode change is not allowed; remove the service and create it again");
  }
  if (command.registryAuthFrom === "previous-spec" && service.previousSpec === undefined) {
    return refused("failed_precondition", `service ${spec.name} does not have a previous spec`);
  }
  return replaceSpec(context, service, { spec, status: updateStatusAfter, login: loginAfter(service, command) });
}

function loginAfter(service: Service, { registryAuth, registryAuthFrom }: Of<"updateService">): string | undefined {
  if (registryAuth !== undefined) return registryAuth === "" ? undefined : registryAuth;
  return registryAuthFrom === "previous-spec" ? service.previousRegistryAuth : service.registryAuth;
}

/** Swaps the spec with the one before; doing it twice changes nothing. */
export function rollbackService(context: Context, command: Of<"rollbackService">): Decision {
  const service = present(context.state, command.id);
  if (service === undefined) return noService(command.id);
  const { name } = service.spec;
  if (command.version !== service.version) return outOfSequence(`service ${name}`, service.version, command.version);
  if (service.previousSpec === undefined) {
    return refused("failed_precondition", `service ${name} does not have a previous spec to go back to`);
  }
  const message = singleLine(command.message ?? "rollback in progress");
  const status: Replacement["status"] = (_, replaced, now) => rollbackStatus(message, replaced, now);
  // What it was before the last change of what it is; whether it is stopped now is another matter.
  const { stopped: _, ...before } = service.previousSpec;
  const { stopped } = service.spec;
  const replacement = { status, login: service.previousRegistryAuth };
  return replaceSpec(context, service, { ...replacement, spec: { ...before, ...(stopped === true && { stopped }) } });
}

interface Replacement {
  readonly spec: ServiceSpec;
  /** Sealed. */
  readonly login: string | undefined;
  readonly status: (service: Service, replaced: boolean, now: Millis) => UpdateStatus | undefined;
}

function replaceSpec({ state, index, now }: Context, service: Service, { spec, status, login }: Replacement): Decision {
  const missing = missingIn(state, spec);
  if (missing !== undefined) return missing;
  const ports = choosePorts(state, service.id, spec.endpoint.ports, service);
  if ("ok" in ports) return ports;
  const virtual = vipsFor({ state, index }, spec, service);
  if ("ok" in virtual) return virtual;
  // The same object as long as it says the same: tasks share it, and comparing it with itself costs nothing.
  const shared = equal(spec.task, service.spec.task) ? { ...spec, task: service.spec.task } : spec;
  const specVersion = nextSpecVersion(service, shared, index);
  const { updateStatus: _, vips: __, registryAuth: before, previousRegistryAuth: ___, ...rest } = service;
  const isSwitched = isSameBut(shared, service.spec);
  const loginBefore = isSwitched ? service.previousRegistryAuth : before;
  const updateStatus = isJob(spec)
    ? undefined
    : isSwitched
      ? service.updateStatus
      : status(service, specVersion !== service.specVersion, now);
  const next: Service = {
    ...rest,
    spec: shared,
    specVersion,
    ...(!isSwitched && { previousSpec: service.spec, previousSpecVersion: service.specVersion }),
    ports,
    ...virtual,
    ...(login !== undefined && { registryAuth: login }),
    ...(loginBefore !== undefined && { previousRegistryAuth: loginBefore }),
    ...(updateStatus && { updateStatus }),
    ...(service.jobIteration && { jobIteration: { index: service.jobIteration.index + 1, startedAt: now } }),
    updatedAt: now,
    version: index,
  };
  return accepted(service.id, [putService(next)]);
}

/** Whether all that changes is that the service is stopped, or started: nothing that one goes back to. */
function isSameBut({ stopped, ...spec }: ServiceSpec, { stopped: before, ...other }: ServiceSpec): boolean {
  return (stopped === true) !== (before === true) && equal(spec, other);
}

/** A new update starts when tasks have to be replaced, and when a paused one is taken up again, as with Docker. */
function updateStatusAfter(service: Service, replaced: boolean, now: Millis): UpdateStatus | undefined {
  const state = service.updateStatus?.state;
  if (replaced || state === "paused" || state === "rollback_paused") {
    return { state: "updating", startedAt: now, message: "update in progress" };
  }
  return service.updateStatus;
}

function rollbackStatus(message: string, replaced: boolean, now: Millis): UpdateStatus {
  if (replaced) return { state: "rollback_started", startedAt: now, message };
  return { state: "rollback_completed", startedAt: now, completedAt: now, message: "rollback completed" };
}

/** The name and the ports are free at once; the record stays until the tasks are gone. */
export function removeService({ state, index, now }: Context, command: Of<"removeService">): Decision {
  const service = present(state, command.id);
  if (service === undefined) return noService(command.id);
  return accepted(service.id, [putService({ ...service, removing: true, updatedAt: now, version: index })]);
}

export function finishRemoveService({ state }: Context, command: Of<"finishRemoveService">): Decision {
  const service = state.service(command.id);
  if (service === undefined) return noService(command.id);
  if (service.removing !== true) return refused("failed_precondition", `service ${service.spec.name} was not removed`);
  if (state.someTaskOfService(service.id) !== undefined) {
    return refused("failed_precondition", `service ${service.spec.name} still has tasks`);
  }
  return accepted(service.id, [remove("services", service.id)]);
}

/** What the leader says of an update that another one has replaced meanwhile is not about the new one. */
export function setUpdateStatus({ state, index, now }: Context, command: Of<"setUpdateStatus">): Decision {
  const service = present(state, command.id);
  if (service === undefined) return noService(command.id);
  if (command.specVersion !== service.specVersion) {
    const { name } = service.spec;
    return refused("out_of_date", `service ${name} is not updated to spec version ${command.specVersion} any more`);
  }
  const updateStatus = { ...command.status, message: singleLine(command.status.message) };
  if (equal(updateStatus, service.updateStatus)) return accepted(service.id);
  return accepted(service.id, [putService({ ...service, updateStatus, updatedAt: now, version: index })]);
}

/** Kept only while the slot has tasks: `removeTask` takes the history with the slot's last one. */
export function recordRestart({ state }: Context, command: Of<"recordRestart">): Decision {
  const { history } = command;
  const { serviceId, slot } = history;
  if (present(state, serviceId) === undefined) return noService(serviceId);
  if (state.tasksOfSlot(serviceId, slot).length === 0) {
    return refused("failed_precondition", `slot ${slot} of service ${serviceId} has no task`);
  }
  return accepted(serviceId, [putRestarts(history)]);
}

/** What to delete when a slot has lost its last task. */
export function forgetRestarts(state: State, id: ServiceId, slot: number | NodeId): ReturnType<typeof remove>[] {
  return state.restartHistory(id, slot) === undefined ? [] : [remove("restarts", restartKey(id, slot))];
}

const isJob = (spec: ServiceSpec): boolean => spec.mode.kind === "replicated-job" || spec.mode.kind === "global-job";

/** The service, unless it is being removed: for users and for new tasks it is gone then. */
export function present(state: State, id: ServiceId): Service | undefined {
  const service = state.service(id);
  return service?.removing === true ? undefined : service;
}

/** What a spec asks for and there isn't. */
const missingIn = (state: State, spec: ServiceSpec): Refusal | undefined =>
  missingNetwork(state, spec) ??
  unreachedPort(state, spec) ??
  missingIngress(state, spec.endpoint.ports) ??
  missingPayload(state, spec);

function missingNetwork(state: State, spec: ServiceSpec): Refusal | undefined {
  if (nodeNetworkOf(spec.task) !== undefined) return undefined;
  const ingress = ingressNetwork(state);
  if (ingress !== undefined && spec.task.networks.some(({ target }) => target === ingress.id)) {
    const { name } = ingress.spec;
    return refused("invalid_argument", `Service cannot be explicitly attached to the ingress network "${name}"`);
  }
  const missing = spec.task.networks.find(({ target }) => presentNetwork(state, target) === undefined);
  return missing === undefined ? undefined : refused("not_found", `network ${missing.target} not found`);
}

/** No other node finds a task that is in its node's own networks alone, so nothing can be sent on to it. */
function unreachedPort(state: State, spec: ServiceSpec): Refusal | undefined {
  const local = spec.task.networks.map(({ target }) => state.network(target)?.spec).find((one) => one?.local);
  const isReached = networksOf(state, spec).length > 0 || !spec.endpoint.ports.some(({ mode }) => mode === "ingress");
  if (local === undefined || isReached) return undefined;
  const why = `no other node can send to a task in network ${local.name} (${local.local?.driver ?? ""}) alone`;
  return refused("invalid_argument", `${why}: publish ports in mode host, or add an overlay network to the service`);
}

export const noService = (id: ServiceId): Refusal => refused("not_found", `service ${id} not found`);
