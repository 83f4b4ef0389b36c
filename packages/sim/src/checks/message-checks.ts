import type { AppendAccepted, Message, PreVote, Vote } from "@murmur/raft";
import { checkCommit } from "./commit-checks.ts";
import { place, type RaftScene } from "./raft-scene.ts";
import { checkGranted, checkLeader, checkVoteSent } from "./vote-checks.ts";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** A message of Raft, with the generation that it goes in; undefined for any other. */
export function raftMessage(sent: unknown): { readonly generation: number; readonly message: Message } | undefined {
  if (isObject(sent) && typeof sent["generation"] === "number" && "body" in sent)
    return isMessage(sent["body"]) ? { generation: sent["generation"], message: sent["body"] } : undefined;
  return isMessage(sent) ? { generation: 0, message: sent } : undefined;
}

const isMessage = (value: unknown): value is Message =>
  isObject(value) &&
  typeof value["kind"] === "string" &&
  typeof value["from"] === "string" &&
  typeof value["to"] === "string" &&
  typeof value["term"] === "number";

/** What a node says to another is what it may say. */
export function checkSent(scene: RaftScene, message: Message): void {
  const { judge, host, log, history } = scene;
  history.bind(log, message.from);
  if (message.term < log.openTerm) {
    const fact = `it speaks of term ${String(message.term)} (${message.kind})`;
    judge.refuse("a term never goes back", host, fact, `its disk held term ${String(log.openTerm)} when it started`);
  }
  switch (message.kind) {
    case "append":
      checkLeader(scene, message.term, message.from);
      return checkCommit(scene, { index: message.commit, term: message.term, leads: true });
    case "heartbeat":
      checkLeader(scene, message.term, message.from);
      return checkCommit(scene, { index: message.commit, term: message.term, leads: true, partly: true });
    case "preVote":
      return noteAsked(scene, message);
    case "preVoteReply":
      return message.granted ? checkGranted(scene, message.term, message.to) : undefined;
    case "vote":
      noteAsked(scene, message);
      return checkVoteSent(scene, message.term, message.from);
    case "voteReply":
      if (!message.granted) return;
      checkVoteSent(scene, message.term, message.to);
      return checkGranted(scene, message.term, message.to);
    case "appendAccepted":
      return checkAccepted(scene, message);
    case "appendRejected":
    case "heartbeatReply":
    case "snapshot":
    case "timeoutNow":
    case "readIndex":
    case "readIndexReply":
      return;
  }
}

function noteAsked({ history }: RaftScene, { from, term, lastIndex, lastTerm }: PreVote | Vote): void {
  history.noteAsked(from, term, { index: lastIndex, term: lastTerm });
}

/** What is acknowledged is durable, and is what the leader of that term has. */
function checkAccepted({ judge, host, log, history }: RaftScene, { match, term }: AppendAccepted): void {
  const fact = `in term ${String(term)} it acknowledges up to ${String(match)}`;
  if (match > log.durable.last) {
    const held = `its log is durable up to ${String(log.durable.last)}`;
    judge.refuse("what is acknowledged is durable", host, fact, held);
  }
  const leader = history.leaders.get(term);
  const other = leader && history.logs.get(leader.id);
  // A leader's log only grows in its term; later it may be another one's.
  if (leader === undefined || other?.writtenState.term !== term) return;
  const [own, theirs] = [log.durable.termAt(match), other.written.termAt(match)];
  if (own === undefined || theirs === undefined || own === theirs) return;
  const held = `it has ${place(match, own)}, and ${leader.host}, which leads, has ${place(match, theirs)}`;
  judge.refuse("what is acknowledged is the leader's", host, fact, held);
}
