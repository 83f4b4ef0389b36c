import { addressesIn, canonicalAddress, canonicalSubnet, familyOf, type Family } from "../address.ts";
import { chainName, type Choice, type KernelObject } from "../kernel-object.ts";
import type { Balancing, OverlayAttachment, OverlayNetwork, OverlayNode, OverlayTask } from "../state.ts";
import { sourceSlots, spreadOver } from "./slots.ts";

/** A task's address in a network, by the task's id. */
export type Attachments = ReadonlyMap<string, { readonly task: OverlayTask; readonly at: OverlayAttachment }>;

const known = new WeakMap<OverlayNetwork, { readonly tasks: readonly OverlayTask[]; readonly found: Attachments }>();

/** The tasks of a network that can be reached: those on its nodes. Found once for each state. */
export function attachmentsIn(network: OverlayNetwork, tasks: readonly OverlayTask[]): Attachments {
  const before = known.get(network);
  if (before?.tasks === tasks) return before.found;
  const found = findAttachments(network, tasks);
  known.set(network, { tasks, found });
  return found;
}

function findAttachments({ id, nodes }: OverlayNetwork, tasks: readonly OverlayTask[]): Attachments {
  const joined = new Set<string>(nodes.map((node) => node.id));
  return new Map(
    tasks.flatMap((task) => {
      const at = task.attachments.find(({ networkId }) => networkId === id);
      return at === undefined || !joined.has(task.nodeId) ? [] : [[task.id, { task, at }] as const];
    }),
  );
}

/** The subnets of a network, and the addresses of its tasks. */
export function planKnown({ subnet4, subnet6 }: OverlayNetwork, attachments: Attachments): readonly KernelObject[] {
  const subnets = [subnet4, ...(subnet6 === undefined ? [] : [subnet6])];
  return [
    ...subnets.map((subnet) => member("nets", canonicalSubnet(subnet))),
    ...[...attachments.values()].flatMap(({ at }) => liveMembers(at)),
  ];
}

const live = new WeakMap<OverlayAttachment, readonly KernelObject[]>();

/** The same objects for the same attachment. */
function liveMembers(at: OverlayAttachment): readonly KernelObject[] {
  const before = live.get(at);
  if (before !== undefined) return before;
  const addresses = [at.ipv4, ...(at.ipv6 === undefined ? [] : [at.ipv6])];
  const made = addresses.map((address) => member("live", canonicalAddress(address)));
  live.set(at, made);
  return made;
}

/** Containers that may be behind this node's own gateway: its engine redirects ports that were published of theirs. */
export const planBehind = (behind: OverlayNode["behind"]): readonly KernelObject[] =>
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
  readonly endpoints: readonly string[];
  readonly attachments: Attachments;
  readonly nodeId: string;
  readonly localFirst?: boolean;
}

/** The entry of a map, and the chain that it leads to. */
export function planFlow(flow: Flow): readonly KernelObject[] {
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

function candidatesOf({ endpoints, attachments, family, localFirst = false, nodeId }: Flow) {
  const candidates = [...new Set(endpoints)].flatMap((id) => {
    const found = attachments.get(id);
    const address = family === 4 ? found?.at.ipv4 : found?.at.ipv6;
    if (found === undefined || address === undefined) return [];
    return [{ id, address: canonicalAddress(address), isLocal: found.task.nodeId === nodeId }];
  });
  const local = candidates.filter(({ isLocal }) => isLocal);
  return localFirst && local.length > 0 ? local : candidates;
}
