import { assert, type NodeId } from "@murmur/base";
import { advanceCommit } from "./commit.ts";
import type { Core } from "./core.ts";
import type { Append, Heartbeat, InstallSnapshot } from "./messages.ts";

/** A message from the leader of this term: follow it, and give it a full election time-out. */
export function heardLeader(core: Core, leader: NodeId): void {
  const { state } = core;
  assert(state.role !== "leader", "a term has one leader");
  if (state.role === "follower" && state.leader?.id === leader) {
    state.leader.silentTicks = 0;
    state.leader.suspected = false;
  } else {
    core.becomeFollower(core.term, leader);
  }
  core.favourite = undefined;
  core.heardLeaderAt = core.now;
  core.timer.restart();
}

export function handleAppend(core: Core, message: Append): void {
  const { log } = core;
  if (message.prevIndex < log.commit) {
    accept(core, message.from, log.commit);
    return;
  }
  if (!log.has({ index: message.prevIndex, term: message.prevTerm })) {
    const hint = log.lastAgreeing({ index: message.prevIndex, term: message.prevTerm });
    reject(core, { to: message.from, rejected: message.prevIndex, hint });
    return;
  }
  const cut = log.merge(message.entries);
  if (cut !== undefined) core.writes.cut(cut);
  const last = message.prevIndex + message.entries.length;
  advanceCommit(core, Math.min(message.commit, last));
  accept(core, message.from, last);
}

/** Promises that everything up to `match` is durable here: it leaves only when it is. */
function accept(core: Core, to: NodeId, match: number): void {
  core.sendAfterSync({ kind: "appendAccepted", from: core.id, to, term: core.term, match });
}

interface Rejection {
  to: NodeId;
  rejected: number;
  hint: { index: number; term: number };
}

function reject(core: Core, { to, rejected, hint }: Rejection): void {
  core.sendAfterSync({
    kind: "appendRejected",
    from: core.id,
    to,
    term: core.term,
    rejected,
    hintIndex: hint.index,
    hintTerm: hint.term,
    lost: core.recovering !== undefined,
  });
}

/** Answered at once: a slow disk must not make the leader believe that this node is gone. */
export function handleHeartbeat(core: Core, message: Heartbeat): void {
  const { log } = core;
  const lost = core.recovering !== undefined && message.commit > log.lastIndex;
  if (lost) reject(core, { to: message.from, rejected: message.commit, hint: core.last });
  else advanceCommit(core, message.commit);
  core.send({ kind: "heartbeatReply", from: core.id, to: message.from, term: core.term, round: message.round });
}

/**
 * Installs a snapshot, of whatever term its sender was: it holds committed state only. When the log has its position
 * already, that much is known to be committed, and nothing is replaced.
 */
export function handleSnapshot(core: Core, message: InstallSnapshot): void {
  const { log } = core;
  const { snapshot } = message;
  if (snapshot.index > log.commit) {
    if (log.has(snapshot)) {
      advanceCommit(core, snapshot.index);
    } else {
      log.restore(snapshot);
      core.writes.cut(0);
      core.membership = snapshot.membership;
      core.snapshot = snapshot;
    }
  }
  accept(core, message.from, log.commit);
}

/** Everything that this node may have acknowledged before its disk lost it is here again, durably. */
export function maybeRecovered(core: Core): void {
  const { recovering, log, writes } = core;
  if (recovering === undefined) return;
  const newer = (log.termAt(writes.stable) ?? 0) > recovering.term;
  if (newer || writes.stable >= recovering.index) core.recovering = undefined;
}
