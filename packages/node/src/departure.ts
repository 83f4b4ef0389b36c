import { ClusterError, codeOf, type Clock, type Millis, type NodeId } from "@murmur/base";
import type { NodeSpec } from "@murmur/model";
import type { Manager } from "@murmur/manager";

/** What a node that leaves asks the managers to do about it. */
export const DEPARTURE = {
  look: "departure.look",
  demote: "departure.demote",
  remove: "departure.remove",
  /** With `{ role }`: it doesn't leave after all, and has the role again that it had. */
  stay: "departure.stay",
} as const;
/** A manager that doesn't answer by then is cut off, or was taken out itself; another one is asked. */
export const LOOK_TIMEOUT_MS: Millis = 3_000;
const PIN_TRIES = 5;
export const DEPARTURE_METHODS: readonly string[] = Object.values(DEPARTURE);

/** The state of the cluster as far as it matters to a node that leaves. */
export interface DepartureView {
  /** Nodes in the cluster, this one included. */
  readonly nodes: number;
  /** Whether raft's membership has the node, or its record still says so. */
  readonly manager: boolean;
  /** What the node is pinned to; undefined when the cluster chooses. */
  readonly pinnedRole: NodeSpec["pinnedRole"];
}

/** Reads what `departure` answered. */
export function departureView(answer: unknown): DepartureView {
  if (typeof answer === "object" && answer !== null && "nodes" in answer && "manager" in answer) {
    const pinnedRole = "pinnedRole" in answer ? roleIn(answer.pinnedRole) : undefined;
    return { nodes: Number(answer.nodes), manager: answer.manager === true, pinnedRole };
  }
  throw new ClusterError("internal", "a manager's answer can't be understood");
}

const roleIn = (value: unknown): NodeSpec["pinnedRole"] =>
  value === "manager" || value === "worker" ? value : undefined;

const roleOf = (body: unknown): NodeSpec["pinnedRole"] =>
  typeof body === "object" && body !== null && "role" in body ? roleIn(body.role) : undefined;

/** Answers a node that leaves, on a manager. A node can only speak for itself. */
export async function departure(
  manager: Manager,
  options: {
    readonly method: string;
    readonly from: NodeId;
    readonly body: unknown;
    readonly signal: AbortSignal;
    readonly clock: Clock;
  },
): Promise<DepartureView> {
  const { method, from, body, signal, clock } = options;
  const view = await manager.read(signal);
  const node = view.node(from);
  const look = (): DepartureView => {
    const { voters, votersOutgoing, learners, learnersNext } = manager.status().membership;
    return {
      nodes: view.nodes().length,
      manager:
        [...voters, ...votersOutgoing, ...learners, ...learnersNext].includes(from) ||
        (view.node(from)?.raftRole ?? "none") !== "none",
      pinnedRole: view.node(from)?.spec.pinnedRole,
    };
  };
  if (node === undefined) {
    if (method === DEPARTURE.demote)
      throw new ClusterError("not_found", "the cluster does not know this node any more");
    return look();
  }
  if (method === DEPARTURE.demote && node.spec.pinnedRole !== "worker") {
    await pin(manager, { id: from, role: "worker" }, { signal, clock });
  }
  if (method === DEPARTURE.stay && node.spec.pinnedRole !== roleOf(body)) {
    await pin(manager, { id: from, role: roleOf(body) }, { signal, clock });
  }
  if (method === DEPARTURE.remove) {
    await manager.submit({ kind: "removeNode", id: from, force: true, now: clock.now() }, signal);
  }
  return look();
}

/** The node's record changes with whatever its agent says of it: an update that comes too late is made again. */
async function pin(
  manager: Manager,
  { id, role }: { readonly id: NodeId; readonly role: NodeSpec["pinnedRole"] },
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const node = manager.view.node(id);
    if (node === undefined) return;
    const { pinnedRole: _before, ...rest } = node.spec;
    const spec: NodeSpec = { ...rest, ...(role !== undefined && { pinnedRole: role }) };
    try {
      await manager.submit({ kind: "updateNode", id, version: node.version, spec, now: clock.now() }, signal);
      return;
    } catch (error) {
      if (codeOf(error) !== "out_of_date" || tries === PIN_TRIES) throw error;
    }
  }
}
