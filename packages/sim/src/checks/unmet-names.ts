import {
  DEFAULT_NETWORK_NAME,
  DNS_ZONE,
  hostOf,
  type Network,
  type NetworkAddress,
  type NetworkId,
  type Service,
  type Task,
} from "@murmur/model";
import type { View } from "@murmur/store";
import { reverseName, type AskedType } from "../world/dns-message.ts";
import type { Host } from "../world/host.ts";
import { HOST_ASKER } from "../world/lookup.ts";
import { SERVICE_NAMES } from "../workload/service-names.ts";
import { hasAddresses, placeIn, takersOf } from "./task-places.ts";
import { idOf } from "./unmet-managers.ts";

/** What is said of more than this is left out. */
const TOLD_MAX = 4;

/** Somebody who asks: undefined networks are all of them, and the default one is meant. */
interface Asker {
  readonly address: string;
  readonly networks: readonly NetworkId[] | undefined;
}

/** A name, and all that it should stand for. */
interface Meaning {
  readonly name: string;
  readonly type: AskedType;
  readonly data: readonly string[];
}

/**
 * Every node answers every name as the managers' state has it, to its host and to its containers: services, their tasks, their
 * slots, their ports, whose an address is, and nothing for a service that isn't there. Computed from nothing that the
 * product computes.
 */
export function unmetNames(view: View, hosts: readonly Host[]): string[] {
  const found: string[] = [];
  for (const host of hosts) {
    for (const asker of askersOn(view, host)) {
      for (const { name, type, data } of meaningsFor(view, asker)) {
        const told = new Set(host.names?.ask(name, type, asker.address).records.map((record) => record.data));
        const wanted = new Set(data);
        if (told.symmetricDifference(wanted).size === 0) continue;
        const who = asker.address === HOST_ASKER ? host.name : `${asker.address} on ${host.name}`;
        found.push(`${who} is told that ${name} ${type} is ${textOf(told)} in place of ${textOf(wanted)}`);
        if (found.length >= TOLD_MAX) return found;
      }
    }
  }
  return found;
}

const textOf = (data: ReadonlySet<string>): string => [...data].toSorted().join(" ") || "nothing";

/** The host, and one of its containers of each kind that there is: those in the same networks are told the same. */
function askersOn(view: View, host: Host): readonly Asker[] {
  const own = [...view.tasks()].filter((task) => task.nodeId === idOf(host) && hasAddresses(task));
  const byNetworks = new Map<string, Asker>();
  for (const { networks, addresses } of own) {
    const ids = networks.map(({ networkId }) => networkId);
    const last = addresses?.at(-1);
    if (last !== undefined) byNetworks.set(ids.join(), { address: last.ipv6 ?? last.ipv4, networks: ids });
  }
  return [{ address: HOST_ASKER, networks: undefined }, ...byNetworks.values()];
}

function meaningsFor(view: View, asker: Asker): readonly Meaning[] {
  const all = view.networks().filter(({ removing }) => removing !== true);
  const open = all.filter(({ id }) => asker.networks?.includes(id) ?? true);
  const meant = asker.networks ?? all.filter(({ spec }) => spec.name === DEFAULT_NETWORK_NAME).map(({ id }) => id);
  const services = view.services().filter(({ removing }) => removing !== true);
  const meanings = open.flatMap((network) =>
    services.flatMap((service) =>
      networksOf(view, service).includes(network.id) ? meaningsOf(view, service, network) : [],
    ),
  );
  const short = SERVICE_NAMES.map((name): Meaning => {
    const service = services.find(({ spec }) => spec.name === name);
    const first = service && meant.find((id) => networksOf(view, service).includes(id));
    const places = service !== undefined && first !== undefined ? placesOf(view, service, first) : [];
    return { name: `tasks.${name}`, type: "A", data: places.map(({ at }) => at.ipv4) };
  });
  return [...meanings, ...short];
}

/** A service that names no network is in the default one. */
function networksOf(view: View, { spec }: Service): readonly NetworkId[] {
  const named = spec.task.networks.map(({ target }) => target);
  if (named.length > 0) return named;
  return view
    .networks()
    .filter(({ spec: { name } }) => name === DEFAULT_NETWORK_NAME)
    .map(({ id }) => id);
}

interface Place {
  readonly task: Task;
  readonly at: NetworkAddress;
}

/** The tasks that may be sent something, and where: at addresses of their own, or at their nodes'. */
function placesOf(view: View, service: Service, networkId: NetworkId): readonly Place[] {
  const isAddressed = view.network(networkId)?.addressing !== undefined;
  return takersOf(view, service).flatMap((task): readonly Place[] => {
    const node = task.nodeId === undefined ? undefined : view.node(task.nodeId);
    const at = isAddressed ? placeIn(task, networkId) : node && { ipv4: hostOf(node) };
    return at === undefined ? [] : [{ task, at }];
  });
}

function meaningsOf(view: View, service: Service, network: Network): readonly Meaning[] {
  const { id, addressing, spec } = network;
  const below = `${service.spec.name}.${spec.name}.${DNS_ZONE}`;
  const places = placesOf(view, service, id);
  const vip = service.vips?.find(({ networkId }) => networkId === id);
  const everywhere = [
    ...addressesOf(below, vip === undefined ? places.map(({ at }) => at) : [vip]),
    ...addressesOf(
      `tasks.${below}`,
      places.map(({ at }) => at),
    ),
    ...[...Map.groupBy(places, ({ task }) => task.slot)].flatMap(([slot, its]) =>
      slot === 0
        ? []
        : addressesOf(
            `${String(slot)}.${below}`,
            its.map(({ at }) => at),
          ),
    ),
    ...portsOf(service, below, { places, isAddressed: addressing !== undefined }),
  ];
  if (addressing === undefined) return everywhere;
  const owners = places.map(({ task, at }) => ({ at, owner: `${String(task.slot || task.id)}.${below}` }));
  return [...everywhere, ...ownersOf(vip === undefined ? owners : [...owners, { at: vip, owner: below }])];
}

const addressesOf = (name: string, all: readonly NetworkAddress[]): readonly Meaning[] => [
  { name, type: "A", data: all.map(({ ipv4 }) => ipv4) },
  { name, type: "AAAA", data: all.flatMap(({ ipv6 }) => ipv6 ?? []) },
];

const ownersOf = (all: readonly { readonly at: NetworkAddress; readonly owner: string }[]): readonly Meaning[] =>
  all.flatMap(({ at: { ipv4, ipv6 }, owner }) =>
    [ipv4, ipv6].flatMap((address): readonly Meaning[] =>
      address === undefined ? [] : [{ name: reverseName(address), type: "PTR", data: [owner] }],
    ),
  );

/** At its own address a task has the container's port, at its node's the one that the node has for it. */
function portsOf(
  { ports }: Service,
  below: string,
  { places, isAddressed }: { readonly places: readonly Place[]; readonly isAddressed: boolean },
): readonly Meaning[] {
  const published = ports.filter(({ mode, publishedPort }) => mode === "ingress" && publishedPort > 0);
  return published.map(({ protocol, targetPort }) => {
    const data = places.flatMap(({ task }) => {
      const target = `${task.id}.${below}`;
      if (isAddressed) return [`${target}:${String(targetPort)}`];
      const own = (task.status.ports ?? []).filter(
        (port) => port.targetPort === targetPort && port.protocol === protocol,
      );
      return own.map(({ hostPort }) => `${target}:${String(hostPort)}`);
    });
    return { name: `_${String(targetPort)}._${protocol}.${below}`, type: "SRV", data };
  });
}
