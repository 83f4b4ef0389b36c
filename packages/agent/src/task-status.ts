import { assert, type Millis } from "@murmur/base";
import { isLater, type TaskStatus } from "@murmur/model";
import type { ContainerFacts, Observation } from "./next-step.ts";
import { addressOf } from "./labels.ts";
import type { NodeContext } from "./ports.ts";

export interface StatusContext {
  /** Wall-clock time, for people. */
  readonly now: Millis;
  readonly container: ContainerFacts;
  readonly node: NodeContext;
}

/** The status after an observation. What belongs to a process goes with it: pid, address and ports. */
export function observed(before: TaskStatus, observation: Observation, context: StatusContext): TaskStatus {
  assert(!isLater(before.state, observation.state), "observed state went back");
  const { now, node } = context;
  const container = context.container.kind === "present" ? context.container.container : undefined;
  const containerId = container?.id ?? before.containerId;
  const status: TaskStatus = { ...observation, at: now, ...(containerId !== undefined && { containerId }) };
  if (observation.state !== "running" || container === undefined) return status;
  const address = addressOf(container, node);
  return { ...status, pid: container.pid, ports: container.ports, ...(address !== undefined && { address }) };
}
