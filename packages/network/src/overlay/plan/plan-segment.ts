import { addressesIn, canonicalAddress, familyOf, macOf } from "../address.ts";
import { VXLAN_SETTINGS, vxlanName, type KernelObject } from "../kernel-object.ts";
import { attachmentsIn } from "./plan-choice.ts";
import type { OverlayAddress, OverlayAttachment, OverlayNetwork, OverlayNode, OverlayState } from "../state.ts";

/** A network's segment on this node: devices, the node's own gateway address, and where everybody else in it is. */
export function planSegment(network: OverlayNetwork, state: OverlayState): readonly KernelObject[] {
  const { bridge, vni, mtu, nodes } = network;
  const own = nodes.find(({ id }) => id === state.nodeId);
  if (own === undefined) return [];
  const name = vxlanName(vni);
  const local = canonicalAddress(state.underlay);
  return [
    { kind: "bridge", name: bridge, mac: macOf(own.gateway.ipv4) },
    { kind: "vxlan", name, bridge, vni, port: network.vxlanPort, local, mtu, settings: VXLAN_SETTINGS },
    ...addressesOf(own.gateway).map((address) => ({ kind: "address", bridge, address }) as const),
    ...nodes
      .filter((node) => node !== own)
      .flatMap((node) => [...elsewhere(name, node.underlay, gatewayOf(node)), ...behind(name, node)]),
    ...remoteTasks(network, state),
  ];
}

/** Addresses on another node, and the MAC address that has them. */
type Elsewhere = OverlayAddress & { readonly mac: string };

const gatewayOf = ({ gateway }: OverlayNetwork["nodes"][number]): Elsewhere => ({
  ...gateway,
  mac: macOf(gateway.ipv4),
});

/** Who may be behind a node's gateway: it answers for them all, and passes on to those who are there. */
const behind = (device: string, { gateway, behind: ranges }: OverlayNode): readonly KernelObject[] =>
  [ranges?.ipv4, ranges?.ipv6]
    .flatMap((range) => (range === undefined ? [] : addressesIn(range)))
    .map((address) => ({ kind: "neighbour", device, address, mac: macOf(gateway.ipv4) }) as const);

function remoteTasks(network: OverlayNetwork, { nodeId, tasks }: OverlayState): readonly KernelObject[] {
  const underlays = new Map(network.nodes.map(({ id, underlay }) => [id, underlay]));
  return [...attachmentsIn(network, tasks).values()].flatMap(({ task, at }) => {
    const underlay = underlays.get(task.nodeId);
    if (underlay === undefined || task.nodeId === nodeId) return [];
    return remoteTask(at, vxlanName(network.vni), underlay);
  });
}

const remote = new WeakMap<
  OverlayAttachment,
  { readonly device: string; readonly underlay: string; readonly objects: readonly KernelObject[] }
>();

/** The same objects for the same attachment. */
function remoteTask(at: OverlayAttachment, device: string, underlay: string): readonly KernelObject[] {
  const before = remote.get(at);
  if (before?.device === device && before.underlay === underlay) return before.objects;
  const objects = elsewhere(device, underlay, at);
  remote.set(at, { device, underlay, objects });
  return objects;
}

const elsewhere = (device: string, underlay: string, who: Elsewhere): readonly KernelObject[] => [
  { kind: "forward", device, mac: who.mac, underlay: canonicalAddress(underlay) },
  { kind: "member", device, mac: who.mac },
  ...addressesOf(who).map((address) => ({ kind: "neighbour", device, address, mac: who.mac }) as const),
];

const addressesOf = ({ ipv4, ipv6 }: OverlayAddress): readonly string[] =>
  [ipv4, ...(ipv6 === undefined ? [] : [ipv6])]
    .map(canonicalAddress)
    .toSorted((left) => (familyOf(left) === 4 ? -1 : 1));
