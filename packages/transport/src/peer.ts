import {
  assert,
  ClusterError,
  codeOf,
  messageOf,
  randomId,
  type Clock,
  type Log,
  type Millis,
  type NodeId,
  type Random,
  type Scope,
  type Timer,
} from "@murmur/base";
import { transportError } from "./call-fate.ts";
import type { ChannelCounters } from "./channel-stats.ts";
import { chooseConnection } from "./choose-connection.ts";
import { Connection } from "./connection.ts";
import type { HandlerTable } from "./handlers.ts";
import { agreedVersion, checkVersions, CLOSED_MAX, type Hello } from "./hello.ts";
import type { TransportLimits } from "./limits.ts";
import type { CloseReason, Connector, Link } from "./link.ts";
import { Outbox } from "./outbox.ts";
import { Waiters } from "./waiters.ts";

/** Connections that end what they have under way beside the one in use; one more, and the oldest is closed. */
const RETIRING_MAX = 4;

export interface PeerContext {
  readonly self: Omit<Hello, "connection" | "closed">;
  readonly connector: Connector;
  readonly addressOf: (id: NodeId) => string | undefined;
  readonly handlers: HandlerTable;
  readonly counters: ChannelCounters;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: TransportLimits;
  readonly onUp: (id: NodeId) => void;
  readonly onDown: (id: NodeId, reason: CloseReason) => void;
  /** There is neither a connection nor a wish for one; the peer may be forgotten. */
  readonly onIdle: (id: NodeId) => void;
}

type Attempt =
  | { readonly state: "none" }
  | { readonly state: "dialling"; readonly controller: AbortController }
  | { readonly state: "backoff"; readonly timer: Timer; readonly since: Millis };

/** All that this node has with one other: the connection in use, those that retire, and the attempts to get one. */
export class Peer {
  readonly id: NodeId;
  readonly #context: PeerContext;
  readonly #outbox: Outbox;
  readonly #waiters: Waiters;
  #active: Connection | undefined;
  #activeSince: Millis = 0;
  readonly #retiring = new Set<Connection>();
  /** Invariant: `backoff` only while there is no active connection. */
  #attempt: Attempt = { state: "none" };
  #failures = 0;
  #interestAt: Millis;
  /** Connections known to be closed, newest last. */
  #closedIds: string[] = [];
  #announcedUp = false;
  #closed = false;

  constructor(id: NodeId, context: PeerContext) {
    this.id = id;
    this.#context = context;
    this.#outbox = new Outbox(context.limits, context.counters);
    this.#waiters = new Waiters(context.clock, context.limits.callsMax);
    this.#interestAt = context.clock.monotonic() - context.limits.interestMs;
  }

  /** The connection that takes what is new. */
  get active(): Connection | undefined {
    return this.#active;
  }

  get connections(): readonly Connection[] {
    return this.#active === undefined ? [...this.#retiring] : [this.#active, ...this.#retiring];
  }

  /** Takes an encoded message in. False when it, or an older one in its place, is lost. */
  send(channel: string, bytes: Uint8Array): boolean {
    this.want();
    if (this.#attempt.state === "backoff") {
      this.#context.counters.dropped(channel);
      return false;
    }
    const whole = this.#outbox.push(channel, bytes);
    this.#active?.pump();
    return whole;
  }

  /** Says that a connection is of use: dials when there is none. */
  want(): void {
    this.#interestAt = this.#context.clock.monotonic();
    if (this.#active === undefined && this.#attempt.state === "none") this.#dial();
  }

  /** Waits for a connection: until the attempt under way, or the next one, has succeeded or failed. */
  ready(options: { timeoutMs: Millis; signal: AbortSignal | undefined }): Promise<void> {
    this.want();
    const { clock, limits } = this.#context;
    if (this.#attempt.state === "backoff" && clock.monotonic() - this.#attempt.since >= limits.backoffMinMs) {
      this.#attempt.timer.cancel();
      this.#dial();
    }
    return this.#waiters.wait(`node ${this.id}`, options);
  }

  /** What this node says to the peer when a connection is made. */
  hello(connection: string): Hello {
    return { ...this.#context.self, connection, closed: this.#closedIds };
  }

  /** A connection has been made, by either side. */
  established(link: Link, hello: Hello, dialled: boolean): void {
    const { clock, limits, log, handlers, counters } = this.#context;
    if (this.#closed) return link.destroy();
    const connection: Connection = new Connection({
      link,
      hello,
      protocol: agreedVersion(this.#context.self, hello),
      dialled,
      clock,
      log,
      limits,
      handlers,
      outbox: this.#outbox,
      onMessage: (channel, bytes) => counters.received(channel, bytes),
      onRetired: () => this.#retired(connection),
      onClosed: (reason) => this.#connectionClosed(connection, reason),
    });
    const current = this.#active;
    if (current === undefined) return this.#activate(connection);
    const choice = chooseConnection(current, connection, { self: this.#context.self.nodeId, peer: this.id });
    if (choice === "retire-next") {
      this.#keepRetiring(connection);
      connection.start();
      return connection.retire();
    }
    this.#active = undefined;
    if (choice === "replace") {
      this.#remember(current);
      this.#announceDown("lost");
      this.#activate(connection);
      return current.close("lost");
    }
    this.#keepRetiring(current);
    this.#activate(connection);
    current.retire();
  }

  /** Ends everything; the peer is told. */
  close(): void {
    this.#closed = true;
    this.#setAttempt({ state: "none" });
    this.#waiters.fail(transportError("unavailable", "this node's transport is closed", false));
    for (const connection of this.connections) connection.close("closed");
    this.#active = undefined;
    this.#retiring.clear();
    this.#outbox.clear();
    this.#announceDown("closed");
  }

  #activate(connection: Connection): void {
    assert(this.#active === undefined, "one connection is in use at a time");
    if (this.#attempt.state === "backoff") this.#setAttempt({ state: "none" });
    this.#active = connection;
    this.#activeSince = this.#context.clock.monotonic();
    connection.start();
    if (this.#active !== connection) return;
    if (!this.#announcedUp) {
      this.#announcedUp = true;
      this.#context.onUp(this.id);
    }
    this.#waiters.succeed();
  }

  /** The other side, or the lack of use, retires a connection. */
  #retired(connection: Connection): void {
    if (this.#active !== connection) return;
    this.#active = undefined;
    this.#keepRetiring(connection);
    // While a dial is under way, the reason may be that it won against this connection: its outcome decides.
    if (this.#attempt.state === "none") this.#announceDown("idle");
    if (this.#outbox.size > 0) this.want();
  }

  #keepRetiring(connection: Connection): void {
    this.#retiring.add(connection);
    for (const oldest of this.#retiring) {
      if (this.#retiring.size <= RETIRING_MAX) break;
      this.#retiring.delete(oldest);
      oldest.close("lost");
    }
  }

  #connectionClosed(connection: Connection, reason: CloseReason): void {
    const { log, clock, limits } = this.#context;
    this.#remember(connection);
    this.#retiring.delete(connection);
    if (this.#active === connection) {
      this.#active = undefined;
      if (clock.monotonic() - this.#activeSince >= limits.backoffMaxMs) this.#failures = 0;
      log.info("peer lost", { peer: this.id, reason });
      this.#announceDown(reason);
      if (this.#attempt.state === "none" && !this.#closed) this.#retryLater();
    }
    this.#checkIdle();
  }

  #remember(connection: Connection): void {
    this.#closedIds = [...this.#closedIds, connection.hello.connection].slice(-CLOSED_MAX);
  }

  #dial(): void {
    const { clock, limits, scope } = this.#context;
    const controller = new AbortController();
    this.#attempt = { state: "dialling", controller };
    const late = new ClusterError("unavailable", `node ${this.id} did not answer within ${limits.dialTimeoutMs} ms`);
    const timer = clock.setTimer(limits.dialTimeoutMs, () => controller.abort(late));
    scope.run(`dialling ${this.id}`, async () => {
      try {
        const { link, hello } = await this.#connect(controller.signal);
        if (controller.signal.aborted) {
          link.destroy();
          throw late;
        }
        this.#attempt = { state: "none" };
        this.established(link, hello, true);
      } catch (error) {
        this.#dialFailed(controller, error);
      } finally {
        timer.cancel();
      }
    });
  }

  async #connect(signal: AbortSignal): ReturnType<Connector["dial"]> {
    const { addressOf, connector, random, self } = this.#context;
    const address = addressOf(this.id);
    if (address === undefined) throw new ClusterError("unavailable", `no address of node ${this.id} is known`);
    const dialled = await connector.dial(this.id, address, { own: this.hello(randomId(random)), signal });
    checkVersions(self, dialled.hello, `node ${this.id}`);
    return dialled;
  }

  #dialFailed(controller: AbortController, error: unknown): void {
    if (this.#closed || this.#attempt.state !== "dialling" || this.#attempt.controller !== controller) return;
    this.#attempt = { state: "none" };
    this.#context.log.debug("cannot reach a peer", { peer: this.id, error: messageOf(error) });
    if (this.#active !== undefined) return;
    this.#outbox.clear();
    this.#announceDown("lost");
    const code = error instanceof ClusterError ? codeOf(error) : "unavailable";
    this.#waiters.fail(transportError(code, messageOf(error), false));
    this.#retryLater();
    this.#checkIdle();
  }

  /** Tries again after a while, unless nobody wants the peer any more. */
  #retryLater(): void {
    const { clock, random, limits } = this.#context;
    if (clock.monotonic() - this.#interestAt >= limits.interestMs) return;
    const longest = Math.min(limits.backoffMaxMs, 2 * limits.backoffMinMs * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    const delay = longest / 2 + random.next() * (longest / 2);
    this.#attempt = {
      state: "backoff",
      since: clock.monotonic(),
      timer: clock.setTimer(delay, () => this.#dial()),
    };
  }

  #setAttempt(attempt: Attempt): void {
    const previous = this.#attempt;
    this.#attempt = attempt;
    if (previous.state === "backoff") previous.timer.cancel();
    if (previous.state === "dialling") previous.controller.abort(new Error("no longer wanted"));
  }

  #announceDown(reason: CloseReason): void {
    if (!this.#announcedUp) return;
    this.#announcedUp = false;
    this.#context.onDown(this.id, reason);
  }

  #checkIdle(): void {
    if (this.#attempt.state === "none" && this.connections.length === 0) this.#context.onIdle(this.id);
  }
}
