import type { NodeId } from "@murmur/base";
import type { Hello } from "./hello.ts";

/** What a choice between two connections with the same peer depends on. */
export interface Candidate {
  /** What the peer said when the connection was made. */
  readonly hello: Pick<Hello, "instance" | "connection" | "closed">;
  /** Whether this side dialled. */
  readonly dialled: boolean;
}

/**
 * - `replace`: the current one is dead, and the peer knows it; take the new one and fail what was under way.
 * - `retire-current`, `retire-next`: both live; one takes what is new, the other ends what it has under way.
 */
export type Choice = "replace" | "retire-current" | "retire-next";

/**
 * What to do with a new connection while there is a current one. When both nodes dial at once, both ends see the same two
 * connections and both keep the one that the smaller id dialled, so nothing under way on either is lost.
 */
export function chooseConnection(current: Candidate, next: Candidate, ids: { self: NodeId; peer: NodeId }): Choice {
  if (current.hello.instance !== next.hello.instance) return "replace";
  if (next.hello.closed.includes(current.hello.connection)) return "replace";
  // A node dials only when it has no connection: its newer one is the one that it uses.
  if (current.dialled === next.dialled) return "retire-current";
  const dialler = next.dialled ? ids.self : ids.peer;
  const other = next.dialled ? ids.peer : ids.self;
  return dialler < other ? "retire-current" : "retire-next";
}
