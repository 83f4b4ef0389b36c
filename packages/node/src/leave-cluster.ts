import { ClusterError, codeOf, sleep, type Clock, type ErrorCode } from "@murmur/base";
import { DEPARTURE, departureView, type DepartureView } from "./departure.ts";
import type { Member } from "./member.ts";

/** How long the others may take to elect, or to take in, managers without this node. */
const HAND_OVER_MS = 20_000;
const POLL_MS = 100;
/** How long the removal is asked for again when nobody says whether it is done. */
const REMOVAL_MS = 10_000;
const MAY_BE_DONE: ReadonlySet<ErrorCode> = new Set(["unavailable", "timeout", "no_leader"]);

/** What leaving needs of a member. */
export type Leaver = Pick<Member, "askManager" | "look"> & {
  readonly agent: Pick<Member["agent"], "retire" | "forceOut">;
};

/**
 * Takes this node out of its cluster: it stops being a manager first, so that nothing is lost with it, then its record
 * is removed and its tasks are replaced elsewhere, then its containers are stopped. The last node, or one whose cluster
 * can't answer, needs `force`, and takes with it what only it knew. With `force` its containers are killed, as Docker does.
 */
export async function leaveCluster(
  member: Leaver,
  options: { readonly force: boolean; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { force, clock, signal } = options;
  // Before the cluster lets it go: this node may hear of that before the one who asked does.
  if (force) member.agent.forceOut();
  try {
    await depart(member, clock, signal);
  } catch (error) {
    if (!force || codeOf(error) === "cancelled") throw error;
  }
  // There is no way back any more, whether the one who asked still waits or not.
  await member.agent.retire(new AbortController().signal);
}

async function depart(member: Leaver, clock: Clock, signal: AbortSignal): Promise<void> {
  const { nodes } = await member.look(signal);
  if (nodes <= 1) {
    throw new ClusterError(
      "failed_precondition",
      "this is the last node: leaving destroys the cluster and all that it knows; say --force to do so",
    );
  }
  let { manager } = await ask(member, DEPARTURE.demote, signal);
  const until = clock.monotonic() + HAND_OVER_MS;
  while (manager) {
    if (clock.monotonic() > until) {
      throw new ClusterError(
        "failed_precondition",
        "the other nodes can't take over from this manager now: see `murmur node ls`, or say --force",
      );
    }
    await sleep(clock, POLL_MS, signal);
    ({ manager } = await member.look(signal));
  }
  await beRemoved(member, clock, signal);
}

/** An answer can be lost with the manager that gave it; the next one knows, and may be asked as often as one likes. */
async function beRemoved(member: Leaver, clock: Clock, signal: AbortSignal): Promise<void> {
  const until = clock.monotonic() + REMOVAL_MS;
  for (;;) {
    try {
      await ask(member, DEPARTURE.remove, signal);
      return;
    } catch (error) {
      if (!MAY_BE_DONE.has(codeOf(error)) || clock.monotonic() > until) throw error;
      await sleep(clock, POLL_MS, signal);
    }
  }
}

const ask = async (member: Leaver, method: string, signal: AbortSignal): Promise<DepartureView> =>
  departureView(await member.askManager(method, null, { signal }));
