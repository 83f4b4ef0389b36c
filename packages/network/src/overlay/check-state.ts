import { isIP } from "node:net";
import { ClusterError } from "@murmur/base";
import { parseIpBlock, PORT_PROTOCOLS } from "@murmur/model";
import { canonicalAddress, familyOf, subnetHolds } from "./address.ts";
import type { OverlayAddress, OverlayNetwork, OverlayPort, OverlayState, OverlayTask } from "./state.ts";

/** The most that one node's overlay holds of each. */
const OVERLAY_LIMITS = {
  networks: 1_024,
  nodesOfNetwork: 10_000,
  addressesBehindNode: 64,
  tasks: 100_000,
  services: 20_000,
  ports: 20_000,
} as const;

const ID = /^[0-9A-Za-z_.-]{1,64}$/;
const DEVICE = /^[0-9A-Za-z_][0-9A-Za-z_.-]{0,14}$/;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
const NETNS = /^\/[0-9A-Za-z_./-]{1,255}$/;

/**
 * Refuses a state that can't be rendered, or whose texts would mean something else to the tools that they are given to.
 *
 * @throws ClusterError `invalid_argument` that names the first problem
 */
export function checkState(state: OverlayState): void {
  const { networks, tasks, services, ports } = state;
  for (const name of ["networks", "tasks", "services", "ports"] as const) {
    const most = OVERLAY_LIMITS[name];
    check(state[name].length <= most, `the overlay has more than ${String(most)} ${name}`);
  }
  check(isIP(state.underlay) !== 0, `the underlay address "${state.underlay}" is no IP address`);
  const byId = new Map(networks.map((network) => [network.id as string, network]));
  unique(networks, ({ id }) => id, "network");
  unique(networks, ({ vni, vxlanPort }) => `${String(vxlanPort)}/${String(vni)}`, "VXLAN port and VNI");
  unique(networks, ({ vni }) => String(vni), "VNI");
  unique(networks, ({ bridge }) => bridge, "bridge");
  for (const network of networks) checkNetwork(network, state);
  for (const task of tasks) checkTask(task, state, byId);
  const known = new Set<string>(tasks.map(({ id }) => id));
  unique(tasks, ({ id }) => id, "task");
  for (const { id, vips, endpoints } of services) {
    for (const vip of vips) inNetwork(vip, byId.get(vip.networkId), `the virtual address of service ${id}`);
    for (const endpoint of endpoints)
      if (!known.has(endpoint)) throw problem(`service ${id} has an unknown task ${endpoint}`);
  }
  for (const port of ports) checkPort(port, byId, known);
  unique(ports, portName, "published port");
  checkAddresses(state);
}

/** Nobody may have an address of somebody else. Namespaces aren't shared either: each task has rules of its own. */
function checkAddresses({ networks, tasks, services }: OverlayState): void {
  const held = new Map(networks.map(({ id }) => [id as string, new Set<string>()]));
  const take = (networkId: string, address: string): void => {
    const text = canonicalAddress(address);
    const others = held.get(networkId);
    if (others?.has(text) === true) throw problem(`the address ${networkId} ${text} is there twice`);
    others?.add(text);
  };
  const takeBoth = (networkId: string, { ipv4, ipv6 }: OverlayAddress): void => {
    take(networkId, ipv4);
    if (ipv6 !== undefined) take(networkId, ipv6);
  };
  for (const { id, gateway, nodes } of networks) {
    takeBoth(id, gateway);
    for (const node of nodes) takeBoth(id, node.gateway);
  }
  for (const { attachments } of tasks) for (const at of attachments) takeBoth(at.networkId, at);
  for (const { vips } of services) for (const vip of vips) takeBoth(vip.networkId, vip);
  const local = tasks.flatMap(({ netns }) => netns ?? []);
  unique(local, (path) => path, "network namespace");
}

function checkNetwork(network: OverlayNetwork, { nodeId }: OverlayState): void {
  const { id, vni, vxlanPort, mtu, bridge, nodes, gateway } = network;
  const what = `network ${id}`;
  check(ID.test(id), `"${id}" is no network id`);
  check(isBetween(vni, 1, 0xff_ffff), `${what}: the VNI ${String(vni)} is not within 1 and 16777215`);
  check(isBetween(vxlanPort, 1, 65_535), `${what}: ${String(vxlanPort)} is no UDP port`);
  check(isBetween(mtu, 68, 65_535), `${what}: the MTU ${String(mtu)} is not within 68 and 65535`);
  check(DEVICE.test(bridge), `${what}: "${bridge}" is no name of a bridge`);
  check(nodes.length <= OVERLAY_LIMITS.nodesOfNetwork, `${what} has more nodes than an overlay holds`);
  unique(nodes, (node) => node.id, `node of ${what}`);
  check(
    nodes.some((node) => node.id === nodeId),
    `${what} has no gateway address for this node`,
  );
  inNetwork(gateway, network, `the gateway of ${what}`);
  for (const node of nodes) {
    check(isIP(node.underlay) !== 0, `node ${node.id}: "${node.underlay}" is no IP address`);
    inNetwork(node.gateway, network, `the gateway address of node ${node.id}`);
    for (const [range, subnet] of [
      [node.behind?.ipv4, network.subnet4],
      [node.behind?.ipv6, network.subnet6],
    ])
      check(range === undefined || isBehind(range, subnet), `node ${node.id}: "${range ?? ""}" is no range in ${what}`);
  }
}

function checkTask(task: OverlayTask, { nodeId }: OverlayState, networks: ReadonlyMap<string, OverlayNetwork>): void {
  const { id, netns, attachments } = task;
  if (!ID.test(id)) throw problem(`"${id}" is no task id`);
  if (netns !== undefined) {
    check(NETNS.test(netns), `task ${id}: "${netns}" is no path of a network namespace`);
    check(task.nodeId === nodeId, `task ${id} has a namespace here but is not on this node`);
  }
  if (attachments.length > 1) unique(attachments, ({ networkId }) => networkId, `network of task ${id}`);
  for (const attachment of attachments) {
    const network = networks.get(attachment.networkId);
    if (network !== undefined && isKnown(attachment, network)) continue;
    const { port, mac } = attachment;
    check(port === undefined || DEVICE.test(port), `task ${id} has a port without a proper name`);
    check(MAC.test(mac), `task ${id}: "${mac}" is no MAC address in lower case`);
    inNetwork(attachment, network, `the address of task ${id}`);
  }
}

function checkPort(port: OverlayPort, networks: ReadonlyMap<string, OverlayNetwork>, tasks: ReadonlySet<string>): void {
  const { protocol, address, port: number, targetPort, networkId, endpoints } = port;
  const what = `the published port ${portName(port)}`;
  check(PORT_PROTOCOLS.includes(protocol), `${what} has no protocol of ${PORT_PROTOCOLS.join(", ")}`);
  check(isBetween(number, 1, 65_535) && isBetween(targetPort, 1, 65_535), `${what}: ports are within 1 and 65535`);
  check(address === undefined || isPlainAddress(address), `${what}: "${address ?? ""}" is no IP address`);
  check(networks.has(networkId), `${what} leads to an unknown network ${networkId}`);
  for (const endpoint of endpoints) check(tasks.has(endpoint), `${what} leads to an unknown task ${endpoint}`);
}

const portName = ({ protocol, address, port }: OverlayPort): string => `${address ?? "*"}:${String(port)}/${protocol}`;

/** The subnets that an address was found in: most are the same objects from state to state. */
const found = new WeakMap<OverlayAddress, string>();

const isKnown = (address: OverlayAddress, network: OverlayNetwork): boolean =>
  found.get(address) === subnetsOf(network);
const subnetsOf = ({ subnet4, subnet6 = "" }: OverlayNetwork): string => `${subnet4} ${subnet6}`;

function inNetwork(address: OverlayAddress, network: OverlayNetwork | undefined, what: string): void {
  check(network !== undefined, `${what} is in an unknown network`);
  if (isKnown(address, network)) return;
  findIn(network, address, what);
  found.set(address, subnetsOf(network));
}

function findIn(network: OverlayNetwork, address: OverlayAddress, what: string): void {
  const { ipv4, ipv6 } = address;
  check(isPlainAddress(ipv4) && subnetHolds(network.subnet4, ipv4), `${what}: "${ipv4}" is not in ${network.subnet4}`);
  if (ipv6 === undefined) return;
  const subnet = network.subnet6 ?? "a subnet of IPv6";
  check(isPlainAddress(ipv6) && subnetHolds(subnet, ipv6), `${what}: "${ipv6}" is not in ${subnet}`);
}

/** A small part of a subnet. */
function isBehind(range: string, subnet: string | undefined): boolean {
  const [part, whole] = [parseIpBlock(range), parseIpBlock(subnet ?? "")];
  if (part === undefined || whole === undefined || part.family !== whole.family) return false;
  const isInside = part.first >= whole.first && part.last <= whole.last;
  return isInside && part.last - part.first < BigInt(OVERLAY_LIMITS.addressesBehindNode);
}

/** One that is written in only one way: no zone, and no IPv4 address inside an IPv6 one. */
const isPlainAddress = (text: string): boolean =>
  isIP(text) !== 0 && !text.includes("%") && !(familyOf(text) === 6 && text.includes("."));

const isBetween = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

function unique<T>(items: readonly T[], nameOf: (item: T) => string, what: string): void {
  const seen = new Set<string>();
  for (const item of items) {
    const name = nameOf(item);
    check(!seen.has(name), `the ${what} ${name} is there twice`);
    seen.add(name);
  }
}

function check(holds: boolean, why: string): asserts holds {
  if (!holds) throw problem(why);
}

const problem = (why: string): ClusterError =>
  new ClusterError("invalid_argument", `this overlay can't be rendered: ${why}`);
