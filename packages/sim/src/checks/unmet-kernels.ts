import type { NodeId } from "@murmur/base";
import {
  DEFAULT_NETWORK_NAME,
  formatIpAddress,
  hostOf,
  nodeGateway,
  nodeShare,
  parseIpBlock,
  type ClusterNode,
  type Network,
  type NetworkAddress,
  type NetworkAddressing,
  type NetworkId,
  type Service,
  type Task,
  type TaskId,
} from "@murmur/model";
import { bridgeOf, HOST, macOf, vxlanName, type KernelObject } from "@murmur/network";
import type { View } from "@murmur/store";
import type { Host } from "../world/host.ts";
import { familyOf, hasAddresses, placeIn, takersOf, textsOf } from "./task-places.ts";
import { idOf } from "./unmet-managers.ts";

/** What is said of more than this is only counted. */
const TOLD_MAX = 4;

/**
 * Every host's kernel sends packets where the managers' state says, and nowhere else: where each address of each network is,
 * and whom each virtual address and published port leads to. Computed from nothing that the product computes.
 */
export function unmetKernels(view: View, hosts: readonly Host[]): string[] {
  for (const host of hosts) {
    const lines = unmetKernel(view, host);
    // It is asked again and again while a cluster heals: the first host is enough.
    if (lines.length > 0) return lines;
  }
  return [];
}

function unmetKernel(view: View, host: Host): string[] {
  const node = view.nodes().find(({ id }) => id === idOf(host));
  if (host.overlay === undefined || node === undefined) return [];
  const [wanted, found] = [factsWanted(view, { host, node }), factsFound(host)];
  const missing = [...wanted.difference(found)].map((fact) => `lacks ${fact}`);
  const surplus = [...found.difference(wanted)].map((fact) => `has ${fact}`);
  return shortened([...missing, ...surplus]).map((text) => `the kernel of ${host.name} ${text}`);
}

/**
 * What a node has left of its overlay in a host's kernel, a line each. The MAC addresses of the engine's bridges stay, and
 * so do containers of another node that shares the engine, or that this host was before it lost its disk and moved: what
 * they were told they keep until the cluster has known long enough that nobody looks after them (seed 900001291).
 */
export function leftInKernel({ name, kernel, engine }: Host, nodeId: NodeId): string[] {
  const others = engine.containers().filter(({ request }) => request.node.nodeId !== nodeId);
  const places = new Set(others.map((container) => container.show().netns));
  const left = [...factsFound({ kernel }, (place) => !places.has(place))];
  return shortened(left).map((fact) => `the kernel of ${name} has ${fact}`);
}

const shortened = (texts: readonly string[]): readonly string[] =>
  texts.length > TOLD_MAX ? [...texts.slice(0, TOLD_MAX), `and ${String(texts.length - TOLD_MAX)} more`] : texts;

const flow = (what: string, addresses: Iterable<string>): string =>
  `${what} to ${[...new Set(addresses)].toSorted().join(" ") || "nobody"}`;
const FAMILIES = [4, 6] as const;
const ofFamily = (family: 4 | 6, addresses: readonly string[]): readonly string[] =>
  addresses.filter((address) => familyOf(address) === family);
const portFact = (family: 4 | 6, protocol: string, port: number): string =>
  `port ${String(port)}/${protocol} of IPv${String(family)}`;
/** That a task is at an address; to others in the networks, redirected flows are refused. */
const liveFact = (place: string, address: string): string => `somebody at ${address} in ${place}`;
const vipFact = (place: string, vip: string): string => `${vip} in ${place}`;

type Addressed = Network & { readonly addressing: NetworkAddressing };
interface Seat {
  readonly host: Host;
  readonly node: ClusterNode;
}

/** The network in which a service's published ports are answered. */
function publishingNetworkOf(view: View, { removing, ports, spec }: Service): NetworkId | undefined {
  if (removing === true || !ports.some(({ mode, publishedPort }) => mode === "ingress" && publishedPort > 0)) return;
  return spec.task.networks[0]?.target ?? view.networkByName(DEFAULT_NETWORK_NAME)?.id;
}

function factsWanted(view: View, { host, node }: Seat): ReadonlySet<string> {
  const attached = [...view.tasks()].filter(hasAddresses);
  const published = new Set(view.services().flatMap((service) => publishingNetworkOf(view, service) ?? []));
  const own = attached.filter(({ nodeId }) => nodeId === node.id);
  const needed = view.networks().filter((network): network is Addressed => {
    const isOwn = own.some((task) => placeIn(task, network.id) !== undefined);
    return network.addressing !== undefined && (isOwn || published.has(network.id) || isAttachable(network));
  });
  return new Set([
    ...needed.flatMap((network) =>
      segmentFacts(view, {
        network,
        node,
        attached,
        isEverywhere: published.has(network.id) || isAttachable(network),
      }),
    ),
    ...portFacts(view),
    ...needed.flatMap(({ id }) => attached.flatMap((task) => liveFactsIn(HOST, task, id))),
    ...needed.flatMap((network) => shareOf(network, node).map((address) => liveFact(HOST, address))),
    ...own.flatMap((task) => [
      ...vipFacts(view, task, host),
      ...task.networks.flatMap(({ networkId }) =>
        attached.flatMap((other) => liveFactsIn(placeOf(host, task.id), other, networkId)),
      ),
    ]),
  ]);
}

const liveFactsIn = (place: string, task: Task, networkId: NetworkId): readonly string[] =>
  textsOf(placeIn(task, networkId)).map((address) => liveFact(place, address));

/** Containers can be connected to it by hand, on each node. */
const isAttachable = ({ spec }: Network): boolean => spec.attachable;

/** The addresses that a node's engine gives to containers that are connected by hand. */
function shareOf({ addressing }: Addressed, { number }: ClusterNode): readonly string[] {
  const share = number === undefined ? undefined : nodeShare(addressing, number);
  return [share?.ipv4, share?.ipv6].flatMap((range) => {
    const block = range === undefined ? undefined : parseIpBlock(range);
    if (block === undefined) return [];
    const { family, first, last } = block;
    return Array.from({ length: Number(last - first) + 1 }, (_, at) =>
      formatIpAddress({ family, value: first + BigInt(at) }),
    );
  });
}

interface Segment {
  readonly network: Addressed;
  readonly node: ClusterNode;
  readonly attached: readonly Task[];
  readonly isEverywhere: boolean;
}

function segmentFacts(view: View, { network, node, attached, isEverywhere }: Segment): readonly string[] {
  const { id, addressing } = network;
  const device = vxlanName(addressing.vni);
  const gatewayOf = ({ number }: ClusterNode): NetworkAddress | undefined =>
    number === undefined ? undefined : nodeGateway(addressing, number);
  const inside = attached.flatMap((task) => {
    const at = placeIn(task, id);
    return at === undefined || task.nodeId === undefined ? [] : [{ at, nodeId: task.nodeId }];
  });
  const elsewhere = view.nodes().flatMap((other) => {
    const gateway = gatewayOf(other);
    const own = inside.filter(({ nodeId }) => nodeId === other.id).map(({ at }) => at);
    if (other.id === node.id || gateway === undefined || !(isEverywhere || own.length > 0)) return [];
    return [
      ...[gateway, ...own].flatMap((at) => [
        `${macOf(at.ipv4)} on ${device} at ${hostOf(other)}`,
        ...textsOf(at).map((address) => `${address} on ${device} as ${macOf(at.ipv4)}`),
      ]),
      // Who is there is reached through that node's own gateway.
      ...shareOf(network, other).map((address) => `${address} on ${device} as ${macOf(gateway.ipv4)}`),
    ];
  });
  const gateways = textsOf(gatewayOf(node)).map((address) => `${address} on ${bridgeOf(id)}`);
  return [`${device} in ${bridgeOf(id)}`, ...gateways, ...elsewhere];
}

const portFacts = (view: View): readonly string[] =>
  view.services().flatMap((service) => {
    const networkId = publishingNetworkOf(view, service);
    if (networkId === undefined) return [];
    const addresses = takersOf(view, service).flatMap((task) => textsOf(placeIn(task, networkId)));
    const families = view.network(networkId)?.addressing?.ipv6 === undefined ? [4 as const] : FAMILIES;
    return service.ports
      .filter(({ mode, publishedPort }) => mode === "ingress" && publishedPort > 0)
      .flatMap(({ protocol, publishedPort }) =>
        families.map((family) => flow(portFact(family, protocol, publishedPort), ofFamily(family, addresses))),
      );
  });

function vipFacts(view: View, { id, networks }: Task, host: Host): readonly string[] {
  const place = placeOf(host, id);
  return view.services().flatMap((service) =>
    (service.removing === true ? [] : (service.vips ?? [])).flatMap(({ networkId, ...vip }) => {
      if (!networks.some((joined) => joined.networkId === networkId)) return [];
      const addresses = takersOf(view, service).flatMap((task) => textsOf(placeIn(task, networkId)));
      return textsOf(vip).map((address) => flow(vipFact(place, address), ofFamily(familyOf(address), addresses)));
    }),
  );
}

/** The namespace of a task's container. */
function placeOf({ engine }: Host, id: TaskId): string {
  const container = engine.containers().find(({ live, request }) => live && request.task.id === id);
  return container?.show().netns ?? `no container of ${id}`;
}

const PROTOCOLS: Readonly<Record<string, string>> = { 6: "tcp", 17: "udp", 132: "sctp" };

function factsFound(
  { kernel }: Pick<Host, "kernel">,
  counts: (place: string) => boolean = () => true,
): ReadonlySet<string> {
  const facts = new Set<string>();
  for (const [place, objects] of kernel.state.held()) {
    if (!counts(place)) continue;
    const chains = new Map<string, readonly string[]>();
    for (const object of objects.values())
      if (object.kind === "chain")
        chains.set(object.name, object.choice.kind === "redirect" ? object.choice.slots : []);
    for (const object of objects.values()) {
      const fact = object.kind === "element" ? entryFact(place, object, chains) : factOf(object);
      if (fact !== undefined) facts.add(fact);
    }
  }
  return facts;
}

/** What an object means for packets; undefined for what doctor alone compares. */
function factOf(object: KernelObject): string | undefined {
  if (object.kind === "vxlan") return `${object.name} in ${object.bridge}`;
  if (object.kind === "address") return `${object.address} on ${object.bridge}`;
  if (object.kind === "forward") return `${object.mac} on ${object.device} at ${object.underlay}`;
  if (object.kind === "neighbour") return `${object.address} on ${object.device} as ${object.mac}`;
  return undefined;
}

function entryFact(
  place: string,
  { map, key, value }: KernelObject & { kind: "element" },
  chains: ReadonlyMap<string, readonly string[]>,
): string | undefined {
  const addresses = chains.get(value.replace("goto ", "")) ?? [];
  if (/^vip[46]$/.test(map)) return flow(vipFact(place, key), addresses);
  if (/^live[46]$/.test(map)) return liveFact(place, key);
  const family = /^(?:any|bound)([46])$/.exec(map)?.[1];
  if (place !== HOST || family === undefined) return undefined;
  const [protocol = "", port = ""] = key.split(" . ");
  return flow(portFact(family === "4" ? 4 : 6, PROTOCOLS[protocol] ?? protocol, Number(port)), addresses);
}
