import type { Millis } from "@murmur/base";
import {
  hostOf,
  isLeftSlowly,
  isTerminal,
  matchesConstraints,
  matchesPlatforms,
  type ClusterNode,
  type Task,
} from "@murmur/model";
import type { Round } from "./round.ts";
import { isUp } from "./task-facts.ts";

/** An engine that restarts is back well within this; until then its tasks keep their place. */
export const ENGINE_GRACE_MS: Millis = 30_000;

/**
 * What a wanted task is worth. `ended`: it stopped by itself. `lost`: nobody can stop it or say whether it runs.
 * `evicted`: it must leave its node, which can still stop it. `leaving`: so, but it works on until its replacement does.
 */
export type Verdict = "keep" | "ended" | "lost" | "evicted" | "leaving";

interface Facts {
  readonly round: Round;
  readonly task: Task;
  /** Undefined when the task has none yet, or when it was removed. */
  readonly node: ClusterNode | undefined;
}

/** The first rule that holds decides. */
const RULES: readonly (readonly [Verdict, (facts: Facts) => boolean])[] = [
  ["lost", ({ task }) => task.status.state === "orphaned"],
  ["ended", ({ task }) => isTerminal(task.status.state)],
  ["evicted", ({ round, task }) => task.nodeId === undefined && isOutlived(round, task)],
  ["keep", ({ task }) => task.nodeId === undefined],
  ["lost", ({ round, node }) => isGone(round, node) && !isHeldFor(round, node)],
  ["evicted", ({ task, node }) => !isPlacedWell(task, node)],
  ["evicted", ({ task, node }) => isStranded(task, node)],
  ["evicted", ({ round, task }) => isOutlived(round, task)],
  // A job's task has nothing to hand over: it is left to come to its end.
  ["keep", ({ round, node }) => round.isJob && hasGrace(round, node)],
  ["leaving", ({ round, task, node }) => isUp(task) && hasGrace(round, node)],
  ["evicted", ({ node }) => node?.spec.availability === "drain"],
  ["keep", () => true],
];

export function verdictOf(round: Round, task: Task): Verdict {
  const facts = { round, task, node: task.nodeId === undefined ? undefined : round.view.node(task.nodeId) };
  for (const [verdict, holds] of RULES) if (holds(facts)) return verdict;
  return "keep";
}

/** Whether nobody can stop a task that was given to a node, nor say whether it runs. */
export function isLost(round: Round, task: Task): boolean {
  return task.nodeId !== undefined && isGone(round, round.view.node(task.nodeId));
}

/** Whether a node was removed, is down, or its engine is down for too long. Asks for another round at that moment. */
function isGone(round: Round, node: ClusterNode | undefined): boolean {
  if (node === undefined || node.status.state === "down") return true;
  if (node.status.engine.state === "ready") return false;
  const deadline = node.status.engine.at + ENGINE_GRACE_MS;
  round.wake(deadline);
  return round.now >= deadline;
}

/** Whether the service still waits for a node that is gone. Asks for another round when it won't any more. */
export function isHeldFor(round: Round, node: ClusterNode | undefined): boolean {
  const policy = round.service.spec.onNodeLoss;
  if (node === undefined || policy === undefined) return false;
  if (policy.kind === "wait") return true;
  const { status } = node;
  const deadline = (status.state === "down" ? status.at : status.engine.at) + policy.afterMs;
  if (round.now >= deadline) return false;
  round.wake(deadline);
  return true;
}

/** Whether what works on a node may do so until it is replaced. Asks for another round when it may not any more. */
export function hasGrace(round: Round, node: ClusterNode | undefined): boolean {
  if (node?.drainUntil === undefined || !isLeftSlowly(node, round.now) || isGone(round, node)) return false;
  round.wake(node.drainUntil);
  return true;
}

/** Labels of a node may change while its tasks run; one that may not be there any more moves, as in Docker. */
function isPlacedWell(task: Task, node: ClusterNode | undefined): boolean {
  if (node === undefined) return true;
  const { constraints, platforms } = task.spec.placement;
  return matchesConstraints(node, constraints) && matchesPlatforms(node, platforms);
}

/**
 * Whether a task of an earlier spec can't start any more, because a secret or config of its was removed since. It is no
 * work lost to replace it, and no update's turn: that may be held up for want of room.
 */
function isOutlived(round: Round, task: Task): boolean {
  if (round.isCurrent(task) || task.status.state === "running") return false;
  const { secrets = [], configs = [] } = task.spec.container;
  return (
    secrets.some(({ secretId }) => round.view.secret(secretId) === undefined) ||
    configs.some(({ configId }) => round.view.config(configId) === undefined)
  );
}

/**
 * Whether a task's ports are published at an address that its node had before it came back at another one: nobody reaches
 * them there, and an engine can't publish the ports of a running container anew.
 */
function isStranded({ endpointPorts, status }: Task, node: ClusterNode | undefined): boolean {
  if (node === undefined || status.state !== "running" || status.address === undefined) return false;
  return status.address !== hostOf(node) && endpointPorts.some(({ mode }) => mode === "ingress");
}
