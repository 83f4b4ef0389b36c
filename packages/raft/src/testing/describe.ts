import type { Entry, Membership, Message, Ready, Status } from "../index.ts";

/** Readable texts of what cores say, for golden traces. */
function describeEntry({ index, term, kind, data }: Entry): string {
  if (kind === "noop") return `${index}/${term} noop`;
  const text = String.fromCharCode(...data);
  return kind === "membership" ? `${index}/${term} membership` : `${index}/${term} "${text}"`;
}

function describeMembership(membership: Membership): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = membership;
  const parts = [`voters ${voters.join(" ") || "none"}`];
  if (votersOutgoing.length > 0) parts.push(`outgoing ${votersOutgoing.join(" ")}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(" ")}`);
  if (learnersNext.length > 0) parts.push(`learners next ${learnersNext.join(" ")}`);
  if (autoLeave) parts.push("leaves by itself");
  return parts.join(", ");
}

export function describeMessage(message: Message): string {
  return `${message.from}>${message.to} ${message.kind} t${message.term}${detailsOf(message)}`;
}

function detailsOf(message: Message): string {
  switch (message.kind) {
    case "preVote":
    case "vote":
      return ` last ${message.lastIndex}/${message.lastTerm} for ${message.reason}`;
    case "preVoteReply":
    case "voteReply":
      return message.granted ? " granted" : ` refused, committed ${message.commit.index}/${message.commit.term}`;
    case "append": {
      const entries = message.entries.map(describeEntry).join(", ");
      return ` after ${message.prevIndex}/${message.prevTerm} [${entries}] commit ${message.commit}`;
    }
    case "appendAccepted":
      return ` match ${message.match}`;
    case "appendRejected": {
      const lost = message.lost ? ", entries lost" : "";
      return ` after ${message.rejected}, hint ${message.hintIndex}/${message.hintTerm}${lost}`;
    }
    case "heartbeat":
      return ` round ${message.round} commit ${message.commit}`;
    case "heartbeatReply":
      return ` round ${message.round}`;
    case "snapshot":
      return ` at ${message.snapshot.index}/${message.snapshot.term}`;
    case "timeoutNow":
      return "";
    case "readIndex":
      return "";
    case "readIndexReply":
      return message.index === undefined ? " refused" : ` index ${message.index}`;
  }
}

/** What a Ready says besides messages, a line each. */
export function describeReady(ready: Ready): string[] {
  const { hardState, snapshot, entries, committed, leadership, membership } = ready;
  const lines: string[] = [];
  if (leadership !== undefined) {
    lines.push(`is ${leadership.role} in term ${leadership.term}, leader ${leadership.leader ?? "unknown"}`);
  }
  if (membership !== undefined) lines.push(`membership: ${describeMembership(membership)}`);
  const writes: string[] = [];
  if (hardState !== undefined) {
    writes.push(`term ${hardState.term} vote ${hardState.vote ?? "none"} commit ${hardState.commit}`);
  }
  if (snapshot !== undefined) writes.push(`snapshot ${snapshot.index}/${snapshot.term}`);
  if (entries.length > 0) writes.push(`entries ${entries.map(describeEntry).join(", ")}`);
  if (writes.length > 0) lines.push(`writes ${ready.number}${ready.mustSync ? "" : " unsynced"}: ${writes.join("; ")}`);
  if (committed.length > 0) lines.push(`applies ${committed.map(describeEntry).join(", ")}`);
  for (const read of ready.reads) lines.push(`may read ${read.requestId} at ${read.index}`);
  for (const read of ready.refusedReads) lines.push(`refuses read ${read.requestId}: ${read.reason}`);
  for (const id of ready.snapshotsWanted) lines.push(`wants a snapshot sent to ${id}`);
  return lines;
}

export function describeStatus(status: Status): string[] {
  const { role, term, leader, commit, applied, stable, firstIndex, lastIndex } = status;
  const log = `log ${firstIndex}..${lastIndex} stable ${stable} commit ${commit} applied ${applied}`;
  const lines = [`${role} in term ${term}, leader ${leader ?? "unknown"}, ${log}`];
  if (status.recovering) lines.push("recovering");
  if (status.transferringTo !== undefined) lines.push(`transferring to ${status.transferringTo}`);
  if (status.pendingMembership !== undefined) lines.push(`membership change pending at ${status.pendingMembership}`);
  lines.push(describeMembership(status.membership));
  for (const { id, sending, match, next, inflightMessages, inflightBytes } of status.peers) {
    const window = inflightMessages > 0 ? `, ${inflightMessages} in flight of ${inflightBytes} bytes` : "";
    lines.push(`${id}: ${sending}, match ${match} next ${next}${window}`);
  }
  return lines;
}
