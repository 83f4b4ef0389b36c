import { checkState } from "../check-state.ts";
import { HOST, objectsOf, type KernelObject, type KernelState } from "../kernel-object.ts";
import type { OverlayState } from "../state.ts";
import { planInside } from "./plan-container.ts";
import { planHost, type HostFacts } from "./plan-host.ts";

/**
 * Every kernel object that a state asks for, on the host and in the namespaces of the node's own containers. The order of
 * the state's lists doesn't matter.
 *
 * @throws ClusterError `invalid_argument` for a state that can't be rendered
 */
export function plan(state: OverlayState, facts: HostFacts): KernelState {
  checkState(state);
  // What a network means inside is the same for each of its containers.
  const inside = new Map<string, readonly KernelObject[]>(
    state.networks.map((network) => [network.id, planInside(network, state)]),
  );
  const containers = state.tasks.flatMap(({ netns, attachments }) => {
    if (netns === undefined) return [];
    const objects = attachments.flatMap(({ networkId }) => inside.get(networkId) ?? []);
    return [[netns, objectsOf([{ kind: "table", form: "ours" }, ...objects])] as const];
  });
  const sorted = containers.toSorted(([left], [right]) => (left < right ? -1 : 1));
  return new Map([[HOST, objectsOf(planHost(state, facts))], ...sorted]);
}
