import { ClusterError, messageOf, shuffled, type Log, type NodeId, type Random } from "@murmur/base";
import type { Session, Sessions } from "@murmur/agent";
import type { Manager, SessionChannel } from "@murmur/manager";
import type { Index, ReportMessage, SessionMessage } from "@murmur/model";
import type { PeerStream, PeerTransport } from "@murmur/transport";
import { FIRST_GENERATION } from "./generation.ts";
import { localSession } from "./local-session.ts";

export const SESSION_METHOD = "session";

export interface AgentSessionsOptions {
  readonly self: NodeId;
  readonly transport: PeerTransport;
  /** The nodes that are, or may be, managers. */
  readonly managers: () => readonly NodeId[];
  /** This node's own manager, while it has one. */
  readonly local: () => Manager | undefined;
  /** Which generation of the cluster this node is in. */
  readonly generation: () => number;
  readonly random: Random;
  readonly log: Log;
}

/** What a session opens with, so that a manager of another generation doesn't serve it. */
interface Opening {
  readonly generation: number;
  /** The version of the endpoints that the agent has; left out: none. */
  readonly endpoints?: Index;
}

/** The generation that an agent's session was opened in. */
export const generationOf = (opening: unknown): number =>
  typeof opening === "object" && opening !== null && "generation" in opening && typeof opening.generation === "number"
    ? opening.generation
    : FIRST_GENERATION;

/** The endpoints that an agent says it has. */
const endpointsOf = (opening: unknown): Index =>
  typeof opening === "object" && opening !== null && "endpoints" in opening && Number.isSafeInteger(opening.endpoints)
    ? Math.max(0, Number(opening.endpoints))
    : 0;

/** The node's own manager is passed over once after this many failures in a row. */
const LOCAL_FAILURES_MAX = 1;

/**
 * Finds a manager for the agent: the node's own one first, else any, in random order so that the sessions spread. A
 * manager that refuses, or that cannot be reached, is passed over until the next round.
 */
export class AgentSessions implements Sessions {
  readonly #options: AgentSessionsOptions;
  #localFailures = 0;
  /** The newest session with another node's manager. */
  #remote: Session | undefined;

  constructor(options: AgentSessionsOptions) {
    this.#options = options;
  }

  async open({ signal, endpoints }: Parameters<Sessions["open"]>[0]): Promise<Session> {
    const { self, local, managers, transport, generation, random, log } = this.#options;
    const own = local();
    if (own !== undefined && this.#localFailures < LOCAL_FAILURES_MAX) return this.#openLocal(own, endpoints);
    this.#localFailures = 0;
    let problem: unknown = new ClusterError("unavailable", "no manager is known");
    for (const manager of shuffled(
      managers().filter((id) => id !== self),
      random,
    )) {
      signal.throwIfAborted();
      try {
        const opening: Opening = { generation: generation(), endpoints };
        this.#remote = sessionOver(await transport.open(manager, SESSION_METHOD, opening, { signal }));
        return this.#remote;
      } catch (error) {
        problem = error;
        log.debug("no session with a manager", { manager, error: messageOf(error) });
      }
    }
    throw problem;
  }

  /** Ends the session with another node's manager, whose word counts no more; the agent looks for one anew. */
  dropRemote(): void {
    this.#remote?.close();
    this.#remote = undefined;
  }

  /** The node's own manager; when it can't serve (it is new, or cut off), the next tries go to the others. */
  #openLocal(own: Manager, endpoints: Index): Session {
    const { agent, manager } = localSession(this.#options.self, endpoints);
    own.serveSession(manager).then(
      () => (this.#localFailures = 0),
      (error: unknown) => {
        this.#localFailures += 1;
        this.#options.log.debug("the node's own manager can't serve it now", { error: messageOf(error) });
        manager.close();
      },
    );
    return agent;
  }
}

function sessionOver(stream: PeerStream): Session {
  return {
    send: (report) => stream.write(report),
    messages: stream as AsyncIterable<unknown> as AsyncIterable<SessionMessage>,
    close: () => stream.abort(new ClusterError("cancelled", "the agent closed its session")),
  };
}

/** The manager's side of a session that came in over the transport. */
export function channelOver(from: NodeId, opening: unknown, stream: PeerStream): SessionChannel {
  return {
    nodeId: from,
    endpoints: endpointsOf(opening),
    write: (message) => stream.write(message),
    reports: stream as AsyncIterable<unknown> as AsyncIterable<ReportMessage>,
    close: () => stream.abort(new ClusterError("unavailable", "the manager closed the session")),
  };
}
