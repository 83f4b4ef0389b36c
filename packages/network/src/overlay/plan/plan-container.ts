import { canonicalAddress, macOf, markOf } from "../address.ts";
import type { KernelObject } from "../kernel-object.ts";
import type { Part } from "../parted-objects.ts";
import { remember } from "../remember.ts";
import type { OverlayAddress, OverlayNetwork, OverlayNode, OverlayService, OverlayState } from "../state.ts";
import { attachedOf, attachmentsIn, planFlow, planKnown, type Attachments, type Flow } from "./plan-choice.ts";

/**
 * What a network adds to the namespace of each container in it: who is there, virtual addresses, and the way back for each
 * node's clients.
 */
export function planInside(network: OverlayNetwork, { tasks, services, nodeId }: OverlayState): readonly Part[] {
  const attachments = attachmentsIn(network, tasks);
  return [
    ...planKnown(network, attachments),
    waysBack(network),
    ...services.flatMap((service) => planService(service, { networkId: network.id, attachments, nodeId })),
  ];
}

const waysBack = remember(({ nodes }: OverlayNetwork): Part => nodes.flatMap(wayBack));

/**
 * What a node's bridge brings in, known by its MAC address, is marked with the node's own gateway address, and answered
 * through that: the node there redirected it and must undo that on the way back.
 */
function wayBack({ gateway }: OverlayNode): Part {
  const mark = markOf(gateway.ipv4);
  const { ipv4, ipv6 } = gateway;
  return [
    { kind: "element", map: "entry", key: macOf(ipv4), value: String(mark) },
    { kind: "rule", family: 4, mark },
    { kind: "route", family: 4, mark, via: canonicalAddress(ipv4) },
    ...(ipv6 === undefined
      ? []
      : ([
          { kind: "rule", family: 6, mark },
          { kind: "route", family: 6, mark, via: canonicalAddress(ipv6) },
        ] as const)),
  ];
}

/**
 * The default routes of a container in several networks: through the first of them that isn't internal, and for IPv6 the
 * first of those that has it. One in a single network keeps what the engine, or itself, has made.
 */
export function planExits(
  networkIds: readonly string[],
  { networks }: Pick<OverlayState, "networks">,
): readonly (KernelObject & { kind: "exit" })[] {
  if (networkIds.length < 2) return [];
  const open = networkIds
    .map((id) => networks.find((network) => network.id === id))
    .filter((network) => network !== undefined && network.internal !== true);
  const ipv4 = open[0]?.gateway.ipv4;
  const ipv6 = open.map((network) => network?.gateway.ipv6).find((address) => address !== undefined);
  return [
    ...(ipv4 === undefined ? [] : [{ kind: "exit", family: 4, via: canonicalAddress(ipv4) } as const]),
    ...(ipv6 === undefined ? [] : [{ kind: "exit", family: 6, via: canonicalAddress(ipv6) } as const]),
  ];
}

interface Inside {
  readonly networkId: string;
  readonly attachments: Attachments;
  readonly nodeId: string;
}

function planService(service: OverlayService, { networkId, attachments, nodeId }: Inside): readonly Part[] {
  const { vips, endpoints, balancing } = service;
  const own = vips.filter((vip) => vip.networkId === networkId);
  if (own.length === 0) return [];
  const attached = attachedOf(endpoints, attachments);
  return own.map((vip) => planAddress(vip, { endpoints: attached, balancing, nodeId }));
}

type ToAddress = Pick<Flow, "endpoints" | "balancing" | "nodeId">;
const planned = new WeakMap<OverlayAddress, ToAddress & { readonly part: Part }>();

/** The same objects for the same virtual address as long as it leads to the same tasks' addresses. */
function planAddress(vip: OverlayAddress, flow: ToAddress): Part {
  const before = planned.get(vip);
  if (before !== undefined && isSameFlow(before, flow)) return before.part;
  const { ipv4, ipv6 } = vip;
  const part = [
    ...planFlow({ ...flow, map: "vip4", key: canonicalAddress(ipv4), family: 4 }),
    ...(ipv6 === undefined ? [] : planFlow({ ...flow, map: "vip6", key: canonicalAddress(ipv6), family: 6 })),
  ];
  planned.set(vip, { ...flow, part });
  return part;
}

const isSameFlow = (left: ToAddress, right: ToAddress): boolean =>
  left.balancing === right.balancing &&
  left.nodeId === right.nodeId &&
  left.endpoints.length === right.endpoints.length &&
  left.endpoints.every(({ at }, place) => at === right.endpoints[place]?.at);
