import { isUsable } from "@murmur/discovery";
import {
  DEFAULT_DATA_PATH_PORT,
  hostOf,
  nodeGateway,
  nodeShare,
  servedByProxy,
  type Balancing as ModelBalancing,
  type NetworkId,
  type TaskId,
} from "@murmur/model";
import { familyOf, macOf } from "../overlay/address.ts";
import type {
  Balancing,
  OverlayAttachment,
  OverlayNetwork,
  OverlayNode,
  OverlayPort,
  OverlayService,
  OverlayState,
  OverlayTask,
} from "../overlay/state.ts";
import { isEqual } from "../overlay/kernel-object.ts";
import { remember } from "../overlay/remember.ts";
import { addressedNetworks, publishingNetwork, type NeededNetwork } from "./needed-networks.ts";
import { listenAt } from "../listen-at.ts";
import type { AttachedContainer, OverlayView } from "./overlay-view.ts";

/** What a packet of 1,500 bytes has left once it is wrapped. */
const MTU = { 4: 1_450, 6: 1_430 } as const;

/** The engine's bridge of a network, the same on all nodes. At most 15 characters, as the kernel wants it. */
export const bridgeOf = (id: NetworkId): string => `mm${id.slice(0, 12)}`;

const BRIDGE = /^mm[0-9A-Za-z_.-]{12}$/;
/** Whether a device is the bridge of a network of the cluster's, by its name. */
export const isBridgeName = (name: string): boolean => BRIDGE.test(name);

/** How long a packet inside may be. */
export const mtuOf = ({ mtu }: { readonly mtu?: number | undefined }, underlay: string): number =>
  mtu ?? MTU[familyOf(underlay)];

/**
 * What this node's overlay should be, in those of the needed networks that have a bridge. Who is suspected is offered
 * nothing, and stays where it is: what it sends is still answered.
 */
export function overlayState(view: OverlayView, networks: readonly NeededNetwork[]): OverlayState {
  const { self, underlay } = view;
  const here = new Set(networks.map(({ id }) => id));
  const tasks = tasksIn(view, here);
  const known = new Map(tasks.map((task) => [task.id, task]));
  const reached = (id: TaskId, networkId: NetworkId): boolean =>
    known.get(id)?.attachments.some((at) => at.networkId === networkId) === true;
  const strays = straysIn(view, { here, known });
  return {
    nodeId: self,
    underlay,
    networks: networks.map((network) => segmentOf(network, view, tasks)),
    tasks: strays.length === 0 ? tasks : [...tasks, ...strays],
    services: servicesIn(view, here, (id) => known.has(id)),
    ports: portsIn(view, here, reached),
  };
}

/** By what the table says of them. Two nodes in one process, as in tests, only make each other's anew. */
const segments = new WeakMap<NeededNetwork["addressing"], OverlayNetwork>();

/** The same object as before where it is the same in all. */
function segmentOf(network: NeededNetwork, view: OverlayView, tasks: readonly OverlayTask[]): OverlayNetwork {
  const made = makeSegment(network, view, tasks);
  const before = segments.get(network.addressing);
  if (before !== undefined && isEqual(before, made)) return before;
  segments.set(network.addressing, made);
  return made;
}

function makeSegment(network: NeededNetwork, view: OverlayView, tasks: readonly OverlayTask[]): OverlayNetwork {
  const { id, name, addressing, internal } = network;
  const { vni, ipv4, ipv6 } = addressing;
  return {
    id,
    name,
    vni,
    vxlanPort: view.facts.dataPathPort ?? DEFAULT_DATA_PATH_PORT,
    subnet4: ipv4.subnet,
    ...(ipv6 !== undefined && { subnet6: ipv6.subnet }),
    gateway: { ipv4: ipv4.gateway, ...(ipv6 !== undefined && { ipv6: ipv6.gateway }) },
    ...(internal !== undefined && { internal }),
    mtu: mtuOf(network, view.underlay),
    bridge: bridgeOf(id),
    nodes: nodesIn(network, view, tasks),
  };
}

/** All nodes in a network that all are in; else those that have tasks there. */
function nodesIn(network: NeededNetwork, view: OverlayView, tasks: readonly OverlayTask[]): readonly OverlayNode[] {
  const { self, underlay, facts } = view;
  const present = new Set(
    tasks
      .filter(({ attachments }) => attachments.some(({ networkId }) => networkId === network.id))
      .map(({ nodeId }) => nodeId),
  );
  const others = facts.nodes.flatMap((node): readonly OverlayNode[] => {
    if (node.id === self || node.number === undefined) return [];
    if (!network.isEverywhere && !present.has(node.id)) return [];
    const gateway = nodeGateway(network.addressing, node.number);
    const address = hostOf(node);
    // A tunnel has one family at both its ends.
    if (gateway === undefined || familyOf(address) !== familyOf(underlay)) return [];
    const behind = nodeShare(network.addressing, node.number);
    return [{ id: node.id, underlay: address, gateway, ...(behind !== undefined && { behind }) }];
  });
  const own = { gateway: network.gateway, ...(network.share !== undefined && { behind: network.share }) };
  return [{ id: self, underlay, ...own }, ...others];
}

/** The table's tasks and, beside them, containers here that it doesn't have yet, or any more. */
function tasksIn({ self, table, containers }: OverlayView, here: ReadonlySet<NetworkId>): readonly OverlayTask[] {
  const tasks = new Map<TaskId, OverlayTask>();
  const taken = new Map([...here].map((id) => [id, new Set<string>()]));
  const add = (id: TaskId, nodeId: OverlayTask["nodeId"], addresses: AttachedContainer["addresses"]): void => {
    const container = nodeId === self ? containers.get(id) : undefined;
    const free = addresses.filter(({ networkId, ipv4 }) => taken.get(networkId)?.has(ipv4) === false);
    if (free.length === 0 || tasks.has(id)) return;
    for (const { networkId, ipv4 } of free) taken.get(networkId)?.add(ipv4);
    const attachments = free.map((at) => attachmentOf(at, container?.ports.get(at.networkId)));
    tasks.set(id, { id, nodeId, attachments, ...(container !== undefined && { netns: container.netns }) });
  };
  for (const { attached = [] } of table.services) {
    for (const { taskId: id, nodeId, addresses } of attached) add(id, nodeId, addresses);
  }
  // An address that the cluster has given to somebody else by now is theirs.
  for (const [id, { addresses }] of containers) add(id, self, addresses);
  return [...tasks.values()];
}

/**
 * Containers that are in no network any more: theirs were removed, or their addresses are somebody else's by now, while this
 * node was away and they ran on. They are being stopped; what a former process has put into their namespaces sends to tasks
 * that may be gone. A network that only can't be rendered at the moment leaves its containers as they are.
 */
function straysIn(
  { self, table, containers }: OverlayView,
  { here, known }: { readonly here: ReadonlySet<NetworkId>; readonly known: ReadonlyMap<TaskId, OverlayTask> },
): readonly OverlayTask[] {
  const strays: OverlayTask[] = [];
  for (const [id, { netns, addresses }] of containers) {
    if (known.has(id)) continue;
    const isLost = ({ networkId }: TaskAddress): boolean =>
      here.has(networkId) || !table.networks.some((network) => network.id === networkId);
    if (addresses.every(isLost)) strays.push({ id, nodeId: self, attachments: [], netns });
  }
  return strays;
}

type TaskAddress = AttachedContainer["addresses"][number];

/** The same object for the same address: whoever compares two states needn't look into what they share. */
const attachmentOf = remember((at: TaskAddress, port: string | undefined): OverlayAttachment => ({
  ...at,
  mac: macOf(at.ipv4),
  ...(port !== undefined && { port }),
}));

function servicesIn(
  { table, suspects }: OverlayView,
  here: ReadonlySet<NetworkId>,
  isKnown: (id: TaskId) => boolean,
): readonly OverlayService[] {
  return table.services.flatMap(({ serviceId, vips = [], endpoints }) => {
    const own = vips.filter(({ networkId }) => here.has(networkId));
    if (own.length === 0) return [];
    const usable = endpoints.filter((endpoint) => isUsable(endpoint, suspects) && isKnown(endpoint.taskId));
    // By chance: each container counts for itself, and rounds of one connection would all begin at the same task.
    const balancing = "random";
    return [{ id: serviceId, vips: own, endpoints: usable.map(({ taskId: id }) => id), balancing }];
  });
}

const BALANCINGS: Partial<Record<ModelBalancing, Balancing>> = {
  random: "random",
  "round-robin": "roundRobin",
  "source-hash": "sourceHash",
};

/** What the kernel serves; the proxy has the others. */
function portsIn(
  view: OverlayView,
  here: ReadonlySet<NetworkId>,
  isReached: (id: TaskId, networkId: NetworkId) => boolean,
): readonly OverlayPort[] {
  const { table, suspects, publishAddress } = view;
  const addressed = addressedNetworks(view);
  const ports: OverlayPort[] = [];
  for (const service of table.services) {
    const network = publishingNetwork(service, addressed);
    if (network === undefined || !here.has(network.id)) continue;
    const usable = service.endpoints.filter((one) => isUsable(one, suspects) && isReached(one.taskId, network.id));
    for (const published of service.published) {
      if (servedByProxy(published)) continue;
      const { protocol, publishedPort, targetPort, hostIp, balancing = "random", localFirst = false } = published;
      const at = listenAt(publishAddress, hostIp);
      if (at === undefined) continue;
      ports.push({
        protocol,
        ...at,
        port: publishedPort,
        targetPort,
        networkId: network.id,
        endpoints: usable.map(({ taskId: id }) => id),
        balancing: BALANCINGS[balancing] ?? "random",
        localFirst,
      });
    }
  }
  return ports;
}
