import type { RecoveryManager, RecoveryPlan } from "@murmur/api";
import type { Millis, NodeId } from "@murmur/base";
import type { ManagerStatus } from "@murmur/manager";
import type { View } from "@murmur/store";

/** How far a manager's log reaches, and whether it can help to elect a leader. */
export interface Standing {
  readonly lastTerm: number;
  readonly lastIndex: number;
  /** False while its disk lacks entries that it had acknowledged. */
  readonly mayVote: boolean;
}

export interface RecoveryFacts {
  readonly self: NodeId;
  readonly view: View;
  readonly status: ManagerStatus;
  /** What the other managers answered; those that are missing did not. */
  readonly answers: ReadonlyMap<NodeId, Standing>;
  readonly deadSince: (id: NodeId) => Millis | undefined;
}

/** What recovering the cluster on this node would do, from what is known of all its managers. */
export function planRecovery(facts: RecoveryFacts): RecoveryPlan {
  const { self, view, status } = facts;
  const cluster = view.cluster();
  const { term, commit, lastIndex } = status;
  const lastChangeAt = newestChange(view);
  const objection = objectionTo(facts);
  const tasks = [...view.tasks()];
  return {
    cluster: { id: cluster?.id ?? "", name: cluster?.spec.name ?? "" },
    node: { id: self, hostname: hostnameOf(view, self), address: view.node(self)?.address ?? "" },
    advised: objection === undefined,
    verdict: objection ?? `${lackOf(status)}; no reachable one knows more than this node`,
    managers: managersIn(facts),
    log: {
      term,
      lastIndex,
      committed: commit,
      uncommitted: lastIndex - commit,
      ...(lastChangeAt !== undefined && { lastChangeAt: timestamp(lastChangeAt) }),
    },
    keeps: {
      nodes: view.nodes().length,
      services: view.services().filter(({ removing }) => removing !== true).length,
      tasks: tasks.length,
      running: tasks.filter((task) => task.status.state === "running").length,
    },
    mayLose: losses(facts),
  };
}

/** Why the cluster should not be recovered here and now, and what to do instead. */
function objectionTo(facts: RecoveryFacts): string | undefined {
  const { view, status, self, answers } = facts;
  if (status.leader !== undefined)
    return `the cluster has a leader (${hostnameOf(view, status.leader)}): there is nothing to recover`;
  const { voters, votersOutgoing } = status.membership;
  const able = (id: NodeId): boolean => (id === self ? !status.recovering : answers.get(id)?.mayVote === true);
  const isMajority = (ids: readonly NodeId[]): boolean => ids.filter(able).length * 2 > ids.length;
  if (isMajority(voters) && (votersOutgoing.length === 0 || isMajority(votersOutgoing))) {
    const count = `${String(voters.filter(able).length)} of ${String(voters.length)}`;
    return `a majority of the managers (${count}) can be reached, so there is nothing to recover: they will elect a leader by themselves; see \`murmur node ls\``;
  }
  const [best] = [...answers].toSorted(([, left], [, right]) => compareLogs(right, left));
  if (best === undefined || compareLogs(best[1], status) <= 0) return undefined;
  const [id, log] = best;
  return `${hostnameOf(view, id)} (${view.node(id)?.address ?? id}) knows more than this node, up to ${String(log.lastIndex)} instead of ${String(status.lastIndex)}: run \`murmur cluster recover\` there`;
}

const lackOf = ({ recovering }: ManagerStatus): string =>
  recovering
    ? "this node's log is damaged, and too few other managers can be reached to mend it"
    : "most managers can't be reached";

type LogEnd = Pick<Standing, "lastTerm" | "lastIndex">;

/** Above zero when the first log knows more: the rule by which raft compares candidates. */
const compareLogs = (left: LogEnd, right: LogEnd): number =>
  left.lastTerm - right.lastTerm || left.lastIndex - right.lastIndex;

function managersIn({ self, view, status, answers, deadSince }: RecoveryFacts): RecoveryManager[] {
  const { voters, votersOutgoing, learners } = status.membership;
  const role = (id: NodeId): RecoveryManager["role"] =>
    voters.includes(id) || votersOutgoing.includes(id) ? "voter" : "learner";
  return [...new Set([...voters, ...votersOutgoing, ...learners])].map((id) => {
    const log = id === self ? status : answers.get(id);
    const since = log === undefined ? deadSince(id) : undefined;
    return {
      id,
      hostname: hostnameOf(view, id),
      address: view.node(id)?.address ?? "",
      role: role(id),
      state: id === self ? "this node" : log === undefined ? "unreachable" : "reachable",
      ...(since !== undefined && { deadSince: timestamp(since) }),
      ...(log !== undefined && { log: { term: log.lastTerm, index: log.lastIndex } }),
    };
  });
}

function losses({ status, view, self, answers }: RecoveryFacts): string[] {
  const { voters, learners } = status.membership;
  const lost = [...voters, ...learners].filter((id) => id !== self && !answers.has(id));
  const lines: string[] = [];
  if (lost.length > 0) {
    const names = lost.map((id) => hostnameOf(view, id)).join(", ");
    lines.push(
      `changes that ${names} had acknowledged and that never reached this node: those after entry ${String(status.lastIndex)}, if there were any`,
    );
  }
  if (status.recovering) lines.push("entries that this node's damaged disk has lost, and that are not back yet");
  return lines;
}

function newestChange(view: View): Millis | undefined {
  let newest = view.cluster()?.updatedAt;
  const note = ({ updatedAt }: { readonly updatedAt: Millis }): void => {
    if (newest === undefined || updatedAt > newest) newest = updatedAt;
  };
  for (const node of view.nodes()) note(node);
  for (const service of view.services()) note(service);
  for (const task of view.tasks()) note(task);
  return newest;
}

function hostnameOf(view: View, id: NodeId): string {
  const node = view.node(id);
  return node?.description?.hostname ?? node?.hostname ?? id;
}

const timestamp = (at: Millis): string => new Date(at).toISOString();
