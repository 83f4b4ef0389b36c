import type { NodeId } from "@murmur/base";
import { addressesIn, canonicalAddress, familyOf, macOf } from "../address.ts";
import { VXLAN_SETTINGS, vxlanName, type KernelObject } from "../kernel-object.ts";
import type { Part } from "../parted-objects.ts";
import { remember } from "../remember.ts";
import { attachmentsIn } from "./plan-choice.ts";
import type { OverlayAddress, OverlayAttachment, OverlayNetwork, OverlayNode, OverlayState } from "../state.ts";

/** A network's segment on this node: devices, the node's own gateway address, and where everybody else in it is. */
export const planSegment = (network: OverlayNetwork, state: OverlayState): readonly Part[] => [
  planNodes(network, state.nodeId, state.underlay),
  ...remoteTasks(network, state),
];

/** This node's own part of it, and the other nodes. */
const planNodes = remember((network: OverlayNetwork, nodeId: NodeId, underlay: string): Part => {
  const { bridge, vni, mtu, nodes } = network;
  const own = nodes.find(({ id }) => id === nodeId);
  if (own === undefined) return [];
  const name = vxlanName(vni);
  const local = canonicalAddress(underlay);
  return [
    { kind: "bridge", name: bridge, mac: macOf(own.gateway.ipv4) },
    { kind: "vxlan", name, bridge, vni, port: network.vxlanPort, local, mtu, settings: VXLAN_SETTINGS },
    ...addressesOf(own.gateway).map((address) => ({ kind: "address", bridge, address }) as const),
    ...nodes
      .filter((node) => node !== own)
      .flatMap((node) => [...elsewhere(name, node.underlay, gatewayOf(node)), ...behind(name, node)]),
  ];
});

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

function remoteTasks(network: OverlayNetwork, { nodeId, tasks }: OverlayState): readonly Part[] {
  const underlays = new Map(network.nodes.map(({ id, underlay }) => [id, underlay]));
  const device = vxlanName(network.vni);
  return [...attachmentsIn(network, tasks).values()].flatMap(({ task, at }) => {
    const underlay = underlays.get(task.nodeId);
    return underlay === undefined || task.nodeId === nodeId ? [] : [remoteTask(at, device, underlay)];
  });
}

const remoteTask = remember((at: OverlayAttachment, device: string, underlay: string): Part =>
  elsewhere(device, underlay, at),
);

const elsewhere = (device: string, underlay: string, who: Elsewhere): Part => [
  { kind: "forward", device, mac: who.mac, underlay: canonicalAddress(underlay) },
  { kind: "member", device, mac: who.mac },
  ...addressesOf(who).map((address) => ({ kind: "neighbour", device, address, mac: who.mac }) as const),
];

const addressesOf = ({ ipv4, ipv6 }: OverlayAddress): readonly string[] =>
  [ipv4, ...(ipv6 === undefined ? [] : [ipv6])]
    .map(canonicalAddress)
    .toSorted((left) => (familyOf(left) === 4 ? -1 : 1));
