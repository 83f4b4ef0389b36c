import {
  DEFAULT_NETWORK_NAME,
  holdsSlot,
  LIMITS,
  taskName,
  type Command,
  type Network,
  type NetworkId,
  type Task,
} from "@murmur/model";
import { noCluster } from "./decide-cluster.ts";
import { accepted, putCluster, putNetwork, putService, remove, type Context, type Decision } from "./decision.ts";
import { ingressNetwork } from "./ingress.ts";
import { addressingFor } from "./network-addressing.ts";
import { isOverlay, namedNetworks } from "./own-addresses.ts";
import { refused, type Refusal } from "./result.ts";
import type { State } from "./state.ts";
import type { View } from "./view.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

/** Names of those in a network that a refusal lists; others are counted. */
const LISTED_MAX = 5;

export function createNetwork({ state, index, now }: Context, { id, spec }: Of<"createNetwork">): Decision {
  const cluster = state.cluster();
  if (cluster === undefined) return noCluster();
  const ingress = ingressNetwork(state);
  if (spec.ingress === true && ingress !== undefined)
    return refused("already_exists", `ingress network (${ingress.id}) is already present: remove it first`);
  if (state.networkByName(spec.name) !== undefined || ingress?.spec.name === spec.name)
    return refused("already_exists", `network with name ${spec.name} already exists`);
  if (state.network(id) !== undefined) return refused("already_exists", `network ${id} exists already`);
  if (state.networks().length >= LIMITS.networks)
    return refused("overloaded", `the cluster has ${LIMITS.networks} networks, the most it takes; remove some`);
  const network = { id, spec, createdAt: now, version: index };
  if (!isOverlay(state) || spec.local !== undefined) return accepted(id, [putNetwork(network)]);
  const addressing = addressingFor(state, cluster, network);
  return "ok" in addressing ? addressing : accepted(id, [putNetwork({ ...network, addressing })]);
}

/**
 * Whoever is to stay in the network would lose it under its feet, so it must not be wanted any more. Tasks that have to stop
 * keep it until they have: its name is free at once, its subnet and its number then.
 */
export function removeNetwork({ state, index, now }: Context, { id }: Of<"removeNetwork">): Decision {
  const ingress = ingressNetwork(state);
  if (ingress?.id === id) return removeIngress({ state, index, now }, ingress);
  const network = presentNetwork(state, id);
  if (network === undefined) return refused("not_found", `network ${id} not found`);
  if (network.spec.name === DEFAULT_NETWORK_NAME)
    return refused("failed_precondition", "the default network can't be removed: services that name none are in it");
  const refusal = inUse(state, network);
  if (refusal !== undefined) return refusal;
  // Services that are being removed may have a virtual address left there: nobody is sent to it any more.
  const left = state.services().filter(({ vips = [] }) => vips.some(({ networkId }) => networkId === id));
  const writes = left.map((service) => {
    const vips = service.vips?.filter(({ networkId }) => networkId !== id) ?? [];
    return putService({ ...service, vips, updatedAt: now, version: index });
  });
  return accepted(id, [...writes, putNetwork({ ...network, removing: true, version: index })]);
}

/** The network, unless it is being removed: for users and for new tasks it is gone then. */
export function presentNetwork(state: State, id: NetworkId): Network | undefined {
  const network = state.network(id);
  return network?.removing === true ? undefined : network;
}

/** Services that publish ports in mode `ingress` hold it; one that is being removed publishes nothing any more. */
function removeIngress({ state, index, now }: Context, { id }: Network): Decision {
  const user = state
    .services()
    .find(({ removing, spec }) => removing !== true && spec.endpoint.ports.some(({ mode }) => mode === "ingress"));
  if (user !== undefined) {
    const words = `ingress network cannot be removed because service ${user.id} depends on it`;
    return refused("in_use", `${words}: ${user.spec.name} publishes ports in mode ingress`);
  }
  if (presentNetwork(state, id) !== undefined) return accepted(id, [remove("networks", id)]);
  const cluster = state.cluster();
  if (cluster === undefined) return noCluster();
  return accepted(id, [putCluster({ ...cluster, firstIngressRemoved: true, updatedAt: now, version: index })]);
}

function inUse(state: State, { id, spec }: Network): Refusal | undefined {
  const services = state
    .services()
    .filter((service) => service.removing !== true && namedNetworks(state, service.spec).includes(id));
  if (services.length > 0) {
    const names = listed(
      "service",
      services.map((service) => service.spec.name),
    );
    return refused(
      "in_use",
      `network ${spec.name} is in use by ${names}; update them to other networks or remove them`,
    );
  }
  const tasks = tasksIn(state, id);
  if (tasks.length === 0) return undefined;
  const still = tasks.length === 1 ? "it has" : "they have";
  return refused("in_use", `network ${spec.name} is in use by ${listed("task", tasks)}; wait until ${still} stopped`);
}

/** The names of the tasks in a network that nobody wants to stop. */
function tasksIn(state: State, id: NetworkId): readonly string[] {
  const names: string[] = [];
  for (const task of state.tasks()) {
    if (isIn(task, id) && isWanted(state, task)) names.push(taskName(task));
  }
  return names;
}

/** Its spec alone names the networks of which the cluster gives no addresses. */
const isIn = ({ networks, spec }: Task, id: NetworkId): boolean =>
  networks.some(({ networkId }) => networkId === id) || spec.networks.some(({ target }) => target === id);

/** Whether a task is to run on, as far as the state says: the leader may not have got to it yet when its service is gone. */
export const isWanted = (view: Pick<View, "service">, task: Task): boolean =>
  holdsSlot(task) && view.service(task.serviceId)?.removing !== true;

function listed(what: string, names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  const some = names.slice(0, LISTED_MAX).join(", ");
  return `${what}${names.length > 1 ? "s" : ""} ${some}${more > 0 ? ` and ${more} more` : ""}`;
}
