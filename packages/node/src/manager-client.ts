import { ClusterError, codeOf, shuffled, type ErrorCode, type Millis, type NodeId, type Random } from "@murmur/base";
import { isMisdirected } from "@murmur/api";
import { wasSent, type PeerTransport } from "@murmur/transport";
import { fetchThrough } from "./http-stream.ts";

/** From the call to its result: a little longer than a manager waits for a leader. */
const CALL_TIMEOUT_MS: Millis = 11_000;

export interface ManagerClientOptions {
  readonly self: NodeId;
  readonly transport: PeerTransport;
  /** The nodes that are, or may be, managers. */
  readonly managers: () => readonly NodeId[];
  /** Whether gossip says that a node is not there. */
  readonly isGone: (id: NodeId) => boolean;
  /** Answers as this node's own manager; rejects with `unavailable` while there is none. */
  readonly answer: (method: string, body: unknown, signal: AbortSignal) => Promise<unknown>;
  readonly random: Random;
}

export interface AskOptions {
  readonly signal: AbortSignal;
  /** For each manager that is asked. Default: 11 s. */
  readonly timeoutMs?: Millis;
}

/** Answers after which another manager is asked. */
const MAY_KNOW_BETTER: ReadonlySet<ErrorCode> = new Set(["unavailable", "timeout", "no_leader"]);

/** Asks the managers on behalf of this node: one after the other, in random order, those that gossip knows gone last. */
export class ManagerClient {
  readonly #options: ManagerClientOptions;

  constructor(options: ManagerClientOptions) {
    this.#options = options;
  }

  /**
   * Answers a request through any manager that can be reached, and is one still. Rejects with `unavailable` only when
   * nothing was done; with `timeout` when a manager that may have done it gave no answer.
   */
  async forward(request: Request): Promise<Response> {
    let problem: unknown = new ClusterError("unavailable", "no manager is known");
    for (const manager of this.#others()) {
      try {
        // The next one may need the body, too; a manager reads no more of one than a request may have.
        const copy = request.body === null ? request : request.clone();
        const response = await fetchThrough(this.#options.transport, { peer: manager }, copy);
        if (!isMisdirected(response)) return response;
        await response.body?.cancel();
        problem = new ClusterError("unavailable", "the managers are changing: try again in a moment");
      } catch (error) {
        problem = error;
        if (codeOf(error) !== "unavailable" || request.signal.aborted) break;
        if (isWrite(request) && wasSent(error)) throw outcomeUnknown(error);
      }
    }
    throw problem;
  }

  /** Calls a method that any manager answers; other managers come first, since this one may be on its way out. */
  async ask(method: string, body: unknown, options: AskOptions): Promise<unknown> {
    const { transport, answer } = this.#options;
    const { signal, timeoutMs = CALL_TIMEOUT_MS } = options;
    let problem: unknown;
    for (const manager of this.#others()) {
      try {
        return await transport.call(manager, method, body, { signal, timeoutMs });
      } catch (error) {
        problem = error;
        // One that was cut off, or taken out, may not know it; the next one does.
        if (!MAY_KNOW_BETTER.has(codeOf(error))) throw error;
      }
    }
    try {
      return await answer(method, body, signal);
    } catch (error) {
      throw codeOf(error) === "unavailable" ? (problem ?? error) : error;
    }
  }

  #others(): readonly NodeId[] {
    const { self, managers, isGone, random } = this.#options;
    const others = shuffled(
      managers().filter((id) => id !== self),
      random,
    );
    return [...others.filter((id) => !isGone(id)), ...others.filter(isGone)];
  }
}

const isWrite = ({ method }: Request): boolean => method !== "GET" && method !== "HEAD";

const outcomeUnknown = (cause: unknown): ClusterError =>
  new ClusterError(
    "timeout",
    "the manager was lost before it answered, and may have done it: look before you repeat it",
    { cause },
  );
