import {
  ClusterError,
  codeOf,
  messageOf,
  sleep,
  withDeadline,
  withSignals,
  type Clock,
  type ErrorCode,
} from "@murmur/base";
import { DEPARTURE, departureView, LOOK_TIMEOUT_MS, type DepartureView } from "./departure.ts";
import type { Member } from "./member.ts";

/** How long the others may take to elect, or to take in, managers without this node. */
const HAND_OVER_MS = 20_000;
const POLL_MS = 100;
/** How long the removal is asked for again when nobody says whether it is done. */
const REMOVAL_MS = 10_000;
/** How long who stays after all waits until a manager knows. */
const STAY_MS = 5_000;
const MAY_BE_DONE: ReadonlySet<ErrorCode> = new Set(["unavailable", "timeout", "no_leader"]);

/** What leaving needs of a member. */
export type Leaver = Pick<Member, "askManager" | "look"> & {
  readonly agent: Pick<Member["agent"], "retire" | "forceOut">;
};

export interface LeaveOptions {
  readonly force: boolean;
  /** Aborted when this node hears from elsewhere that the cluster has let it go. */
  readonly letGo: AbortSignal;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Takes this node out of its cluster: it stops being a manager first, so that nothing is lost with it, then its record
 * is removed and its tasks are replaced elsewhere, then its containers are stopped. The last node, or one whose cluster
 * can't answer, needs `force`, and takes with it what only it knew. With `force` its containers are killed, as Docker does.
 * What is called off or, without `force`, fails leaves the node in the cluster, in the role that it had.
 */
export async function leaveCluster(member: Leaver, options: LeaveOptions): Promise<void> {
  const { force, letGo, signal } = options;
  // Before the cluster lets it go: this node may hear of that before the one who asked does.
  if (force) member.agent.forceOut();
  try {
    await withSignals([signal, letGo], (either) => depart(member, { ...options, signal: either }));
  } catch (error) {
    // The answer may be lost: that it is out a node hears from its session, too.
    if (letGo.aborted) return;
    if (stays(error, force)) throw error;
  }
  // There is no way back any more, whether the one who asked still waits or not.
  await member.agent.retire().catch((error: unknown) => {
    throw failedMeanwhile(error);
  });
}

/** The member that was leaving has failed. The one that takes its place hears from the managers that it is out. */
export const failedMeanwhile = (cause?: unknown): ClusterError =>
  new ClusterError(
    "unavailable",
    "this node has failed while it left its cluster, and goes on with that as soon as it runs again: see `murmur cluster info`",
    { cause },
  );

const stays = (problem: unknown, force: boolean): boolean => !force || codeOf(problem) === "cancelled";

async function depart(member: Leaver, options: LeaveOptions): Promise<void> {
  const { force, letGo, clock, signal } = options;
  const { nodes, pinnedRole } = await member.look(signal);
  if (nodes <= 1) {
    throw new ClusterError(
      "failed_precondition",
      "this is the last node: leaving destroys the cluster and all that it knows; say --force to do so",
    );
  }
  try {
    await handOver(member, clock, signal);
    await beRemoved(member, clock, signal);
  } catch (error) {
    if (stays(error, force) && !letGo.aborted) await stay(member, pinnedRole, { clock, problem: error });
    throw error;
  }
}

async function handOver(member: Leaver, clock: Clock, signal: AbortSignal): Promise<void> {
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

/**
 * Takes back what was asked of the node's role, which would keep it from being a manager for ever. It has a limit of its
 * own in place of the caller's signal: that is aborted when the leaving was called off.
 */
async function stay(
  member: Leaver,
  role: DepartureView["pinnedRole"],
  { clock, problem }: { readonly clock: Clock; readonly problem: unknown },
): Promise<void> {
  const late = (): Error => new ClusterError("timeout", "no manager has answered");
  try {
    await withDeadline({ clock, limitMs: STAY_MS, late, signals: [] }, async (signal) => {
      await member.askManager(DEPARTURE.stay, { role: role ?? "auto" }, { signal, timeoutMs: LOOK_TIMEOUT_MS });
    });
  } catch {
    throw new ClusterError(
      codeOf(problem),
      `${messageOf(problem)}; nor could the managers be told that it stays: once they answer, \`murmur node update --role ${role ?? "auto"} self\` gives it the role back that it had`,
      { cause: problem },
    );
  }
}

const ask = async (member: Leaver, method: string, signal: AbortSignal): Promise<DepartureView> =>
  departureView(await member.askManager(method, null, { signal }));
