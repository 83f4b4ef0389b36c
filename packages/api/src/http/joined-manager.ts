import { sleep, type Clock, type Millis } from "@murmur/base";
import type { Node } from "../docker/node-types.ts";
import { askJson, type AskCluster } from "./system-routes.ts";

/** A manager that takes longer to get its copy of the state doesn't hold up the answer; `node ls` shows what is missing. */
const MANAGER_WAIT_MS: Millis = 10_000;
const POLL_MS: Millis = 50;

/**
 * Waits until a node that has joined as a manager is one, as Docker's join does: who joins managers one after the other
 * counts on them at once. A node with any other role is not waited for. Gives up silently after `MANAGER_WAIT_MS`.
 */
export async function joinedManager(
  id: string,
  { askCluster, clock }: { readonly askCluster: AskCluster; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const until = clock.monotonic() + MANAGER_WAIT_MS;
  while (clock.monotonic() < until) {
    const nodes = await askJson<Node[]>(askCluster, "/nodes?consistency=local", signal).catch(() => undefined);
    signal.throwIfAborted();
    if (nodes !== undefined && isSettled(id, nodes)) return;
    await sleep(clock, POLL_MS, signal);
  }
}

/** An even number of managers has one that doesn't vote, and two vote only once there is a third. */
function isSettled(id: string, nodes: readonly Node[]): boolean {
  const own = nodes.find(({ ID }) => ID === id);
  if (own === undefined) return false;
  if (own.Spec.Murmur?.PinnedRole !== "manager") return true;
  if (own.Murmur.RaftRole === "none") return false;
  const pinned = nodes.filter(({ Spec, Status }) => Spec.Murmur?.PinnedRole === "manager" && Status.State === "ready");
  const votes = nodes.filter(({ Murmur }) => Murmur.RaftRole === "voter").length;
  return votes >= pinned.length - (pinned.length % 2 === 0 ? 1 : 0);
}
