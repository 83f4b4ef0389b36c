import {
  DEFAULT_NETWORK_NAME,
  equal,
  nodeNetworkOf,
  type NetworkId,
  type Service,
  type ServiceSpec,
  type Task,
} from "@murmur/model";
import type { Context } from "./decision.ts";
import { refused, type Refusal } from "./result.ts";
import type { State } from "./state.ts";
import type { View } from "./view.ts";

/*
 * Addresses of tasks and services, in a cluster of the `overlay` plane. The search begins where the raft index says: an
 * address that has become free isn't given again before the index has gone on by about as many as the subnet has.
 */

type Place = Pick<Context, "state" | "index">;

export const isOverlay = (state: State): boolean => state.cluster()?.dataPlane === "overlay";

/**
 * The addresses of a task, one for each of its networks. It gets them with its node: one that waits for a node holds none,
 * however many of those there are.
 */
export function addressesFor(place: Place, { networks }: Pick<Task, "networks">): Pick<Task, "addresses"> | Refusal {
  if (!isOverlay(place.state)) return {};
  const addresses = [];
  for (const { networkId } of networks) {
    const address = place.state.addresses.free(networkId, place.index);
    if (address === undefined) return exhausted(place.state, networkId);
    addresses.push(address);
  }
  return { addresses };
}

/** The virtual addresses of a service with this spec. In networks that it was in before it keeps the one that it has. */
export function vipsFor(place: Place, spec: ServiceSpec, previous?: Service): Pick<Service, "vips"> | Refusal {
  if (!isOverlay(place.state) || spec.endpoint.mode !== "vip") return {};
  const vips = [];
  for (const networkId of networksOf(place.state, spec)) {
    const kept = previous?.vips?.find((vip) => vip.networkId === networkId);
    const address = kept ?? place.state.addresses.free(networkId, place.index);
    if (address === undefined) return exhausted(place.state, networkId);
    vips.push({ networkId, ...address });
  }
  return { vips: equal(vips, previous?.vips) ? (previous?.vips ?? vips) : vips };
}

/** The networks that a spec puts a service's tasks in and that the cluster gives addresses of. */
export const networksOf = (state: State, spec: ServiceSpec): readonly NetworkId[] =>
  namedNetworks(state, spec).filter((id) => state.network(id)?.spec.local === undefined);

/** All networks of the cluster that a spec puts a service's tasks in: the default one when it names none at all. */
export function namedNetworks(state: State, { task }: ServiceSpec): readonly NetworkId[] {
  if (nodeNetworkOf(task) !== undefined) return [];
  if (task.networks.length > 0) return task.networks.map(({ target }) => target);
  const fallback = state.networkByName(DEFAULT_NETWORK_NAME);
  return fallback === undefined ? [] : [fallback.id];
}

const exhausted = (state: State, id: NetworkId): Refusal => refused("overloaded", noFreeAddress(state, id));

/** Why nothing more can be in a network, in one line that says what to do. */
export function noFreeAddress(view: Pick<View, "network" | "addressUse">, id: NetworkId): string {
  const { spec, addressing } = view.network(id) ?? {};
  const { family = 4, used = 0, count = 0 } = view.addressUse(id) ?? {};
  const from = family === 4 ? addressing?.ipv4 : addressing?.ipv6;
  const numbers = `${grouped(used)} of ${grouped(count)} in use`;
  const where = `network ${spec?.name ?? id} (${from?.range ?? from?.subnet ?? ""}: ${numbers})`;
  return `no free address in ${where}; remove services or create a larger network`;
}

/** `4,093` */
const grouped = (number: number): string => String(number).replaceAll(/\B(?=(\d{3})+$)/g, ",");
