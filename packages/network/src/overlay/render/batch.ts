import type { Place } from "../kernel-object.ts";

/**
 * The tools that are fed with lines. `ip` finds the family in the line, or takes IPv4; `ip6` is `ip -6`; a line of `sysctl`
 * is a path below /proc/sys and a value.
 */
export type Tool = "ip" | "ip6" | "bridge" | "sysctl" | "nft" | "conntrack" | "iptables" | "ip6tables";

/** Lines for one tool: an `nft` step is one transaction, of the others each line is for itself. Never empty. */
export interface Step {
  readonly tool: Tool;
  readonly lines: readonly string[];
}

export interface PlaceSteps {
  readonly place: Place;
  /** In this order. */
  readonly steps: readonly Step[];
}

/** One phase after the other; the places of a phase don't depend on each other. No phase: there is nothing to do. */
export type Batch = readonly (readonly PlaceSteps[])[];
