import type { Mutation } from "./mutation.ts";
import { IPV6_EVERYWHERE, SLOW_ENGINES } from "./settings.ts";

const NETWORK = "packages/network/src";

/** What the overlay makes of it in the hosts' kernels. */
export const NETWORK_MUTATIONS: readonly Mutation[] = [
  {
    name: "forwarding-entry-of-a-gone-task-kept",
    defect: "the node behind a task's MAC address is never forgotten, also not when the task is gone",
    changes: [
      {
        file: `${NETWORK}/overlay/render/render.ts`,
        original: '    [{ tool: "bridge", lines: removed.flatMap(removeBridgeLines) }],',
        mutant: '    [{ tool: "bridge", lines: removed.slice(removed.length).flatMap(removeBridgeLines) }],',
      },
    ],
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "published-port-of-a-removed-service-kept",
    defect: "a published port goes on being answered once its service is gone (moby 30134)",
    changes: [
      {
        file: `${NETWORK}/overlay/render/change.ts`,
        original: "    const kept = to.get(key);",
        mutant:
          "    const kept = to.get(key) ?? (/^(?:element|chain) any/.test(key) && to.size > 0 ? object : undefined);",
      },
    ],
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "mending-forgets-what-it-mended",
    defect: "what the check finds is mended in the node's own books, not in the kernel",
    changes: [
      {
        file: `${NETWORK}/overlay/kernel/overlay.ts`,
        original: "      return { ...(await this.#change(state, read.state)), found };",
        mutant: "      return { ...(await this.#change(state, plan(state, this.#facts))), found };",
      },
    ],
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "withdrawal-acknowledged-before-it-is-rendered",
    defect: "a node says that it sends nothing to a task any more before its kernel does so",
    changes: [
      {
        file: `${NETWORK}/overlay-plane.ts`,
        original: "      orAborted(this.#loop.rendersRight(), signal),",
        mutant: "      orAborted(Promise.resolve(this.#loop.request()), signal),",
      },
    ],
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "withdrawal-acknowledged-though-the-kernel-refused",
    defect: "a withdrawal counts as rendered once that was tried, though the kernel refused a part of it",
    changes: [
      {
        file: `${NETWORK}/overlay-plane/render-loop.ts`,
        original: "    if (!isFailed(outcome)) return;",
        mutant: "    if (outcome !== undefined) return;",
      },
    ],
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "withdrawal-acknowledged-by-an-older-rendering",
    defect: "a withdrawal counts as rendered when a rendering ends that had begun before it",
    changes: [
      {
        file: `${NETWORK}/overlay-plane/render-loop.ts`,
        original: "    this.#next ??= Promise.withResolvers();",
        mutant:
          "    this.#next ??= Promise.withResolvers();\n    if (this.#running !== undefined) return this.#running.then(() => this.#last);",
      },
    ],
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "withdrawal-acknowledged-before-containers-are-adopted",
    defect: "a node whose daemon has just been started says so before it has looked into its containers",
    changes: [
      {
        file: `${NETWORK}/overlay-plane.ts`,
        original: "    await this.#inheritance.adopted;\n",
        mutant: "",
      },
    ],
    setting: SLOW_ENGINES,
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "kernel-of-a-node-that-left-kept",
    defect: "a node that leaves its cluster leaves bridges, tunnels and rules behind",
    changes: [
      {
        file: "packages/node/src/leftovers.ts",
        original: "  await edge.wipeOverlay?.();",
        mutant: "  if (edge.wipeOverlay === undefined) return;",
      },
    ],
    profile: "overlay",
    nodes: 3,
  },
  {
    name: "ipv6-neighbours-forgotten",
    defect: "a segment knows where tasks of other nodes are by their IPv4 addresses alone",
    changes: [
      {
        file: `${NETWORK}/overlay/plan/plan-segment.ts`,
        original: "  [ipv4, ...(ipv6 === undefined ? [] : [ipv6])]\n    .map(canonicalAddress)\n",
        mutant: "  [ipv4, ...(ipv6 === undefined ? [] : [ipv6])]\n    .slice(0, 1)\n    .map(canonicalAddress)\n",
      },
    ],
    setting: IPV6_EVERYWHERE,
    profile: "overlay",
    nodes: 3,
  },
];
