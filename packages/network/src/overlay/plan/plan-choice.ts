import { addressesIn, canonicalAddress, canonicalSubnet, familyOf, type Family } from "../address.ts";
import { chainName, type Choice, type KernelObject } from "../kernel-object.ts";
import type { Part } from "../parted-objects.ts";
import { remember } from "../remember.ts";
import type { Balancing, OverlayAttachment, OverlayNetwork, OverlayNode, OverlayTask } from "../state.ts";
import { sourceSlots, spreadOver } from "./slots.ts";

/** A task, and its address in a network. */
export interface Attached {
  readonly task: OverlayTask;
  readonly at: OverlayAttachment;
}

/** By the task's id. */
export type Attachments = ReadonlyMap<string, Attached>;

/** The tasks of a network that can be reached: those on its nodes. Found once for each state. */
export const attachmentsIn = remember(({ id, nodes }: OverlayNetwork, tasks: readonly OverlayTask[]): Attachments => {
  const joined = new Set<string>(nodes.map((node) => node.id));
  return new Map(
    tasks.flatMap((task) => {
      const at = task.attachments.find(({ networkId }) => networkId === id);
      return at === undefined || !joined.has(task.nodeId) ? [] : [[task.id, { task, at }] as const];
    }),
  );
});

/** Those of the tasks that are in a network, each once. */
export const attachedOf = (tasks: Iterable<string>, attachments: Attachments): readonly Attached[] =>
  [...new Set(tasks)].flatMap((id) => attachments.get(id) ?? []);

/** The subnets of a network, and the addresses of its tasks. */
export const planKnown = (network: OverlayNetwork, attachments: Attachments): readonly Part[] => [
  subnetsOf(network),
  ...[...attachments.values()].map(({ at }) => liveMembers(at)),
];

const subnetsOf = remember(({ subnet4, subnet6 }: OverlayNetwork): Part =>
  [subnet4, ...(subnet6 === undefined ? [] : [subnet6])].map((subnet) => member("nets", canonicalSubnet(subnet))),
);

const liveMembers = remember(({ ipv4, ipv6 }: OverlayAttachment): Part =>
  [ipv4, ...(ipv6 === undefined ? [] : [ipv6])].map((address) => member("live", canonicalAddress(address))),
);

/** Containers that may be behind this node's own gateway: its engine redirects ports that were published of theirs. */
export const planBehind = (behind: OverlayNode["behind"]): Part =>
  [behind?.ipv4, behind?.ipv6]
    .flatMap((range) => (range === undefined ? [] : addressesIn(range)))
    .map((address) => member("live", address));

const member = (set: string, key: string): KernelObject => ({
  kind: "element",
  map: `${set}${String(familyOf(key))}`,
  key,
  value: "",
});

export interface Flow {
  readonly map: string;
  /** In the map. */
  readonly key: string;
  readonly family: Family;
  readonly protocol?: string;
  readonly targetPort?: number;
  readonly balancing: Balancing;
  /** Who may be given it. */
  readonly endpoints: readonly Attached[];
  readonly nodeId: string;
  readonly localFirst?: boolean;
}

/** The entry of a map, and the chain that it leads to. */
export function planFlow(flow: Flow): Part {
  const name = chainName(flow.map, flow.key);
  return [
    { kind: "element", map: flow.map, key: flow.key, value: `goto ${name}` },
    { kind: "chain", name, choice: choiceOf(flow) },
  ];
}

function choiceOf(flow: Flow): Choice {
  const { family, protocol, targetPort, balancing, nodeId } = flow;
  const chosen = spreadOver(candidatesOf(flow), nodeId);
  if (chosen.length === 0) return { kind: "refuse" };
  return {
    kind: "redirect",
    family,
    ...(protocol !== undefined && { protocol }),
    ...(targetPort !== undefined && { port: targetPort }),
    pick: PICKS[balancing],
    slots: balancing === "sourceHash" ? sourceSlots(chosen) : chosen.map(({ address }) => address),
  };
}

const PICKS = { random: "random", roundRobin: "inc", sourceHash: "hash" } as const;

function candidatesOf({ endpoints, family, localFirst = false, nodeId }: Flow) {
  const candidates = endpoints.flatMap(({ task, at }) => {
    const address = family === 4 ? at.ipv4 : at.ipv6;
    if (address === undefined) return [];
    return [{ id: task.id, address: canonicalAddress(address), isLocal: task.nodeId === nodeId }];
  });
  const local = candidates.filter(({ isLocal }) => isLocal);
  return localFirst && local.length > 0 ? local : candidates;
}
