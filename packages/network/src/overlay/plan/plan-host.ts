import type { PortProtocol } from "@murmur/model";
import { canonicalAddress, familyOf, type Family } from "../address.ts";
import type { KernelObject } from "../kernel-object.ts";
import type { Part } from "../parted-objects.ts";
import type { OverlayPort, OverlayState } from "../state.ts";
import { attachedOf, attachmentsIn, planBehind, planFlow, planKnown, type Attachments } from "./plan-choice.ts";
import { planSegment } from "./plan-segment.ts";

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const satisfies Record<PortProtocol, number>;

/** What the node looked up about its host before it planned. */
export interface HostFacts {
  /** The families for which Docker filters what the host forwards. */
  readonly dockerFilters: readonly Family[];
}

/** The host's own namespace: segments, published ports, and what else those need to be passed on. */
export function planHost(state: OverlayState, facts: HostFacts): readonly Part[] {
  const { networks, tasks, nodeId } = state;
  return [
    TABLE,
    ...networks.flatMap((network) => planSegment(network, state)),
    networks.flatMap(({ bridge }) => accepts(bridge, facts)),
    ...networks.flatMap((network) => planKnown(network, attachmentsIn(network, tasks))),
    ...networks.map(({ nodes }) => planBehind(nodes.find(({ id }) => id === nodeId)?.behind)),
    planPorts(state),
    tasks.filter((task) => task.nodeId === nodeId).flatMap(planSelf),
  ];
}

/** In each place the first. */
export const TABLE: Part = [{ kind: "table", form: "ours" }];

/**
 * A verdict of ours can't overrule the drop of another program's chain, so a rule in Docker's chain for users is the only
 * way past its policy. It names a bridge and lets through only what was redirected.
 */
const accepts = (bridge: string, { dockerFilters }: HostFacts): readonly KernelObject[] =>
  dockerFilters.flatMap((family) =>
    (["in", "out"] as const).map((direction) => ({ kind: "accept", family, direction, bridge }) as const),
  );

function planPorts({ networks, tasks, ports, nodeId }: OverlayState): readonly KernelObject[] {
  const known = new Map<string, Attachments>(networks.map((network) => [network.id, attachmentsIn(network, tasks)]));
  const dual = new Set<string>(networks.filter(({ subnet6 }) => subnet6 !== undefined).map(({ id }) => id));
  return ports.flatMap((port) => {
    const endpoints = attachedOf(port.endpoints, known.get(port.networkId) ?? new Map());
    return familiesOf(port, dual).flatMap((family) =>
      planFlow({
        map: `${isAnyAddress(port) ? "any" : "bound"}${String(family)}`,
        key: portKey(port),
        ...port,
        family,
        endpoints,
        nodeId,
      }),
    );
  });
}

/** A network without IPv6 leaves ports of that family to the host's own programs. */
function familiesOf({ address, networkId }: OverlayPort, dual: ReadonlySet<string>): readonly Family[] {
  const offered: readonly Family[] = dual.has(networkId) ? [4, 6] : [4];
  return address === undefined ? offered : offered.filter((family) => family === familyOf(address));
}

function portKey(bound: OverlayPort): string {
  const { address, protocol, port } = bound;
  const key = `${String(PROTOCOL_NUMBERS[protocol])} . ${String(port)}`;
  return address === undefined || isAnyAddress(bound) ? key : `${canonicalAddress(address)} . ${key}`;
}

const isAnyAddress = ({ address }: OverlayPort): boolean =>
  address === undefined || address === "0.0.0.0" || address === "::";

/**
 * A task that comes back to itself through a published port of its own node would get a packet from its own address, which
 * the kernel drops. The only flows whose source is rewritten.
 */
const planSelf = ({ attachments }: OverlayState["tasks"][number]): readonly KernelObject[] =>
  attachments.flatMap(({ ipv4, ipv6, port }): readonly KernelObject[] => [
    ...(port === undefined ? [] : [{ kind: "hairpin", port } as const]),
    ...[ipv4, ...(ipv6 === undefined ? [] : [ipv6])].map(canonicalAddress).map((address) => {
      const map = `self${String(familyOf(address))}`;
      return { kind: "element", map, key: `${address} . ${address}`, value: "" } as const;
    }),
  ]);
