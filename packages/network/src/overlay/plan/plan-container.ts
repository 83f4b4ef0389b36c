import { canonicalAddress, macOf, markOf } from "../address.ts";
import type { KernelObject } from "../kernel-object.ts";
import type { OverlayNetwork, OverlayNode, OverlayService, OverlayState } from "../state.ts";
import { attachmentsIn, planFlow, planKnown, type Attachments } from "./plan-choice.ts";

/**
 * What a network adds to the namespace of each container in it: who is there, virtual addresses, and the way back for each
 * node's clients.
 */
export function planInside(network: OverlayNetwork, state: OverlayState): readonly KernelObject[] {
  const attachments = attachmentsIn(network, state.tasks);
  return [
    ...planKnown(network, attachments),
    ...network.nodes.flatMap(wayBack),
    ...state.services.flatMap((service) =>
      planService(service, { networkId: network.id, attachments, nodeId: state.nodeId }),
    ),
  ];
}

/**
 * What a node's bridge brings in, known by its MAC address, is marked with the node's own gateway address, and answered
 * through that: the node there redirected it and must undo that on the way back.
 */
function wayBack({ gateway }: OverlayNode): readonly KernelObject[] {
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

function planService(service: OverlayService, { networkId, attachments, nodeId }: Inside): readonly KernelObject[] {
  const { vips, endpoints, balancing } = service;
  const flow = { endpoints, balancing, nodeId, attachments };
  return vips
    .filter((vip) => vip.networkId === networkId)
    .flatMap(({ ipv4, ipv6 }) => [
      ...planFlow({ ...flow, map: "vip4", key: canonicalAddress(ipv4), family: 4 }),
      ...(ipv6 === undefined ? [] : planFlow({ ...flow, map: "vip6", key: canonicalAddress(ipv6), family: 6 })),
    ]);
}
