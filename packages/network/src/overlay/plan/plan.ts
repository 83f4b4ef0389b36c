import { checkState } from "../check-state.ts";
import { HOST, type KernelObjects, type KernelState } from "../kernel-object.ts";
import { PartedObjects, type Part } from "../parted-objects.ts";
import type { OverlayState } from "../state.ts";
import { planExits, planInside } from "./plan-container.ts";
import { planHost, TABLE, type HostFacts } from "./plan-host.ts";

/**
 * Every kernel object that a state asks for, on the host and in the namespaces of the node's own containers.
 *
 * @throws ClusterError `invalid_argument` for a state that can't be rendered
 */
export function plan(state: OverlayState, facts: HostFacts): KernelState {
  checkState(state);
  const inside = insideOf(state);
  const containers = state.tasks.flatMap(({ netns, attachments }) => {
    if (netns === undefined) return [];
    return [[netns, inside(attachments.map(({ networkId }) => networkId))] as const];
  });
  const sorted = containers.toSorted(([left], [right]) => (left < right ? -1 : 1));
  return new Map([[HOST, new PartedObjects(planHost(state, facts))], ...sorted]);
}

/**
 * What containers have in their namespaces, by the networks that they are in: one and the same object for all that are in
 * the same ones, so that what has to change in them is found out once.
 */
function insideOf(state: OverlayState): (networkIds: readonly string[]) => KernelObjects {
  const ofNetwork = new Map<string, readonly Part[]>(
    state.networks.map((network) => [network.id, planInside(network, state)]),
  );
  const known = new Map<string, KernelObjects>();
  return (networkIds) => {
    const sorted = networkIds.toSorted();
    const exits = planExits(networkIds, state);
    const key = [...sorted, ...exits.map(({ via }) => via)].join(" ");
    const parts = (): readonly Part[] => [TABLE, exits, ...sorted.flatMap((id) => ofNetwork.get(id) ?? [])];
    const objects = known.get(key) ?? new PartedObjects(parts());
    known.set(key, objects);
    return objects;
  };
}
