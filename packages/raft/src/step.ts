import { unreachable } from "@murmur/base";
import type { Core } from "./core.ts";
import {
  campaign,
  handlePreVote,
  handlePreVoteReply,
  handleVote,
  handleVoteReply,
  leaseHolds,
  replyToVote,
} from "./election.ts";
import { handleAppend, handleHeartbeat, handleSnapshot, heardLeader } from "./following.ts";
import { handleAccepted, handleHeartbeatReply, handleRejected } from "./leading.ts";
import type { Message } from "./messages.ts";
import { handleReadIndex, handleReadIndexReply } from "./reads.ts";

/** Takes in one message. Messages may be lost, late, doubled and out of order; those for others are ignored. */
export function step(core: Core, message: Message): void {
  if (message.to !== core.id || message.from === core.id) return;
  switch (message.kind) {
    case "preVote":
      // Asks about a term that does not exist yet; moves nobody.
      handlePreVote(core, message);
      return;
    case "vote":
      if (message.term > core.term && leaseHolds(core, message.reason)) return;
      break;
    case "preVoteReply":
      // A granted one carries the term of the campaign, which is nobody's yet; a refusal may come from an older term.
      if (!message.granted && message.term > core.term) core.becomeFollower(message.term, undefined);
      handlePreVoteReply(core, message);
      return;
    case "snapshot":
      handleSnapshotOfAnyTerm(core, message);
      return;
    case "voteReply":
    case "append":
    case "appendAccepted":
    case "appendRejected":
    case "heartbeat":
    case "heartbeatReply":
    case "timeoutNow":
    case "readIndex":
    case "readIndexReply":
      break;
  }
  if (message.term > core.term) core.becomeFollower(message.term, undefined);
  if (message.term < core.term) answerStale(core, message);
  else handle(core, message);
}

function handleSnapshotOfAnyTerm(core: Core, message: Extract<Message, { kind: "snapshot" }>): void {
  if (message.term > core.term) core.becomeFollower(message.term, undefined);
  if (message.term === core.term && core.state.role !== "leader") heardLeader(core, message.from);
  if (core.state.role !== "leader") handleSnapshot(core, message);
}

/**
 * A leader of an older term is told of the newer one: with leases its followers would else refuse this node's votes for
 * ever, and this node its appends. A candidate of an older term is told likewise. All else that is stale is dropped.
 */
function answerStale(core: Core, message: Message): void {
  const { from: to, kind } = message;
  const reply = { from: core.id, to, term: core.term };
  if (kind === "append" || kind === "heartbeat") {
    core.sendAfterSync({ ...reply, kind: "appendRejected", rejected: 0, hintIndex: 0, hintTerm: 0, lost: false });
  } else if (kind === "vote") {
    replyToVote(core, to, false);
  }
}

/** A message of the present term. */
function handle(core: Core, message: Message): void {
  const { state } = core;
  switch (message.kind) {
    case "vote":
      return handleVote(core, message);
    case "voteReply":
      return handleVoteReply(core, message);
    case "append":
      heardLeader(core, message.from);
      return handleAppend(core, message);
    case "heartbeat":
      heardLeader(core, message.from);
      return handleHeartbeat(core, message);
    case "timeoutNow":
      if (state.role === "follower" && state.leader?.id === message.from) campaign(core, "transfer");
      return;
    case "readIndexReply":
      return handleReadIndexReply(core, message);
    case "appendAccepted":
      return state.role === "leader" ? handleAccepted(core, state, message) : undefined;
    case "appendRejected":
      return state.role === "leader" ? handleRejected(core, state, message) : undefined;
    case "heartbeatReply":
      return state.role === "leader" ? handleHeartbeatReply(core, state, message) : undefined;
    case "readIndex":
      return state.role === "leader" ? handleReadIndex(core, state, message) : undefined;
    case "preVote":
    case "preVoteReply":
    case "snapshot":
      return;
    default:
      return unreachable(message);
  }
}
