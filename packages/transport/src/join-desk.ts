import { ClusterError, codeOf, messageOf, type Clock, type ErrorCode, type Log, type Timer } from "@murmur/base";
import { Handlers, type JoinHandler } from "./handlers.ts";
import { checkVersions, type Versions } from "./hello.ts";
import type { TransportLimits } from "./limits.ts";

/** What a node without certificate asks. The body is a JSON value. */
export interface JoinRequest {
  readonly remoteAddress: string;
  readonly versions: Versions;
  readonly method: string;
  readonly body: unknown;
}

export type JoinAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

export interface JoinDeskOptions {
  readonly versions: Versions;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: TransportLimits;
}

/** Somebody whose handler is at work. */
interface Wait {
  readonly timer: Timer;
  readonly reject: (error: ClusterError) => void;
}

/** Answers nodes that have no certificate yet: the only thing that they can reach. Bounded in count and time. */
export class JoinDesk {
  readonly handlers = new Handlers<JoinHandler>();
  readonly #options: JoinDeskOptions;
  #running = 0;
  readonly #waits = new Set<Wait>();
  #isClosed = false;

  constructor(options: JoinDeskOptions) {
    this.#options = options;
  }

  get versions(): Versions {
    return this.#options.versions;
  }

  get running(): number {
    return this.#running;
  }

  /** Sends those that wait, and those that come, to another member; leaves no timer behind. */
  close(): void {
    this.#isClosed = true;
    for (const { timer, reject } of this.#waits) {
      timer.cancel();
      reject(stopping());
    }
  }

  /** Never rejects. */
  async answer(request: JoinRequest): Promise<JoinAnswer> {
    try {
      return { ok: true, value: await this.#answer(request) };
    } catch (error) {
      const internal = !(error instanceof ClusterError);
      if (internal) this.#options.log.error("a join request failed", { error: messageOf(error) });
      // What goes wrong inside is nothing for somebody who has no certificate.
      return { ok: false, code: codeOf(error), message: internal ? "the member failed to answer" : messageOf(error) };
    }
  }

  #answer(request: JoinRequest): Promise<unknown> {
    const { clock, limits, versions } = this.#options;
    if (this.#isClosed) throw stopping();
    checkVersions(versions, request.versions, `the joining node (${request.remoteAddress})`);
    const handler = this.handlers.get(request.method);
    if (handler === undefined) {
      throw new ClusterError("unsupported", `this member does not answer "${request.method}" of nodes that join`);
    }
    if (this.#running >= limits.joinsMax) {
      throw new ClusterError("overloaded", "too many nodes are joining through this member: try again later");
    }
    this.#running += 1;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(limits.joinTimeoutMs, () => {
        reject(new ClusterError("timeout", `the member did not answer within ${limits.joinTimeoutMs / 1000} s`));
      });
      const wait = { timer, reject };
      this.#waits.add(wait);
      handler(request.remoteAddress, request.body)
        .then(resolve, reject)
        .finally(() => {
          timer.cancel();
          this.#waits.delete(wait);
          this.#running -= 1;
        });
    });
  }
}

const stopping = (): ClusterError =>
  new ClusterError("unavailable", "this member is stopping: join through another one");
