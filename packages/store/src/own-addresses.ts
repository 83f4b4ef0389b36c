import { DEFAULT_NETWORK_NAME, type NetworkId, type Service, type ServiceSpec, type Task } from "@murmur/model";
import type { Context } from "./decision.ts";
import { equal } from "./equal.ts";
import { refused, type Refusal } from "./result.ts";
import type { State } from "./state.ts";

/*
 * Addresses of tasks and services, in a cluster of the `overlay` plane. The search begins where the raft index says: an
 * address that has become free isn't given again before the index has gone on by about as many as the subnet has.
 */

type Place = Pick<Context, "state" | "index">;

export const isOverlay = (state: State): boolean => state.cluster()?.dataPlane === "overlay";

/** The addresses of a new task, one for each of its networks. */
export function addressesFor(place: Place, networks: Task["networks"]): Pick<Task, "addresses"> | Refusal {
  if (!isOverlay(place.state)) return {};
  const addresses = [];
  for (const [at, { networkId }] of networks.entries()) {
    if (networks.findIndex((other) => other.networkId === networkId) < at) {
      return refused("invalid_argument", `the task names network ${networkId} twice`);
    }
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

/** The networks that a spec puts a service's tasks in: the default one when it names none. */
export function networksOf(state: State, { task }: ServiceSpec): readonly NetworkId[] {
  if (task.networks.length > 0) return task.networks.map(({ target }) => target);
  const fallback = state.networkByName(DEFAULT_NETWORK_NAME);
  return fallback === undefined ? [] : [fallback.id];
}

function exhausted(state: State, id: NetworkId): Refusal {
  const network = state.network(id);
  const subnets = [network?.addressing?.ipv4, network?.addressing?.ipv6].flatMap(
    (used) => used?.range ?? used?.subnet ?? [],
  );
  const where = `all addresses of network ${network?.spec.name ?? id} (${subnets.join(", ")}) are in use`;
  return refused("overloaded", `address pool exhausted: ${where}; remove tasks from it, or use another network`);
}
