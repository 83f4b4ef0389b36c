import type { Millis } from "@murmur/base";
import type { Service } from "@murmur/model";
import { movableTasks, whyImmovable, type View } from "@murmur/store";
import { toTimestamp } from "../docker/time.ts";
import type { Cluster } from "../ports.ts";

/** Moves that a service's explanation counts. */
const COUNTED_MAX = 32;

/** What the policy of rebalancing does at present, in one line; undefined: the cluster has none. */
export function balanceText(cluster: Pick<Cluster, "calm">, view: View, now: Millis): string | undefined {
  const policy = view.cluster()?.spec.rebalance;
  if (policy === undefined) return undefined;
  const calm = cluster.calm(view, now);
  if ("obstacle" in calm) return calm.moving === undefined ? `waits: ${calm.obstacle}` : calm.obstacle;
  const from = calm.since + policy.calmMs;
  if (now < from) return `waits until ${moment(from)}: the cluster must be calm for ${seconds(policy.calmMs)}`;
  return `calm since ${moment(calm.since)}`;
}

/** What that means for one service, in one line; undefined: the cluster has no policy. */
export function serviceBalanceText(
  cluster: Pick<Cluster, "calm" | "moves">,
  view: View,
  facts: { readonly service: Service; readonly now: Millis },
): string | undefined {
  const { service, now } = facts;
  const policy = view.cluster()?.spec.rebalance;
  if (policy === undefined) return undefined;
  if (service.spec.rebalance === "off") return "left where it is: --rebalance off";
  const why = whyImmovable(service);
  if (why !== undefined) return `left where it is: it ${why}`;
  const moving = view.tasksOfService(service.id).filter(({ move }) => move !== undefined && now < move.until).length;
  if (moving > 0) return `${tasks(moving)} on the move`;
  const moves = cluster.moves(view, [movableTasks(view, service, now)], { now, movesMax: COUNTED_MAX });
  if (moves.length === 0) return "its tasks are where they would be placed now";
  const better = `${tasks(moves.length)} would be better placed elsewhere`;
  const rested = Math.min(...moves.map(({ task }) => Math.max(task.createdAt, task.move?.since ?? 0) + policy.restMs));
  if (now < rested)
    return `${better}; none is moved before ${moment(rested)}, ${seconds(policy.restMs)} after it was made`;
  return `${better}; ${balanceText(cluster, view, now) ?? ""}`;
}

const tasks = (count: number): string => (count === 1 ? "1 task" : `${String(count)} tasks`);
const moment = (at: Millis): string => `${toTimestamp(at).slice(0, 19)}Z`;
const seconds = (ms: Millis): string => `${String(ms / 1_000)} s`;
