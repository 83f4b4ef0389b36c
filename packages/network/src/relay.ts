import { connect, type Socket } from "node:net";
import type { Clock, Millis, NodeId, Timer } from "@murmur/base";
import type { TaskId } from "@murmur/model";
import { timeAnswer } from "./answer-time.ts";
import { join, reset } from "./join.ts";
import { KEEP_ALIVE_MS } from "./open-port.ts";
import { plainAddress, proxyHeader } from "./proxy-header.ts";
import { readInPlace } from "./read-in-place.ts";
import type { Target, Targets } from "./targets.ts";

/** A task that doesn't answer within this is passed over, if there is another one. */
const CONNECT_MS: Millis = 1_000;
/** How long a client is kept while no task takes its connection, and how often they are all tried again meanwhile. */
const PATIENCE_MS: Millis = 3_000;
const RETRY_MS: Millis = 250;

type State =
  | { readonly kind: "waiting"; readonly stop: () => void }
  | { readonly kind: "connecting"; readonly target: Target; readonly upstream: Socket; readonly timer: Timer }
  | { readonly kind: "joined"; readonly target: Target; readonly upstream: Socket }
  | { readonly kind: "ended" };

export interface RelayOptions {
  readonly client: Socket;
  /** Of the published port. */
  readonly key: string;
  readonly targets: Targets;
  readonly clock: Clock;
  readonly room: WaitingRoom;
  /** Called once, when both connections have closed. */
  readonly onEnd: (relay: Relay, isRefused: boolean) => void;
}

/** Counts clients for whom there is no task at the moment. */
export class WaitingRoom {
  readonly #limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }
  enter(): boolean {
    if (this.#taken >= this.#limit) return false;
    this.#taken += 1;
    return true;
  }
  leave(): void {
    this.#taken -= 1;
  }
}

/**
 * One client's connection, and the task's. Until the task's is established no byte of the client is read, so that a
 * task that refuses costs nothing but another try. Then bytes go both ways, each way held back by its reader and ended
 * by its writer. A connection that breaks breaks the other one: cut short must not look like the end.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #tried = new Set<TaskId>();
  #state: State = { kind: "waiting", stop: () => {} };
  #patience: Timer | undefined;
  #refused = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { client } = options;
    client.on("error", () => client.destroy());
    client.once("close", () => this.#clientClosed());
  }

  /** Finds a task for the client. */
  connect(): void {
    const { targets, key, clock } = this.#options;
    const target = targets.pick(key, { clientAddress: this.#clientAddress, tried: this.#tried });
    if (target === undefined) return this.#wait();
    this.#tried.add(target.taskId);
    targets.opened(target.taskId);
    const since = clock.monotonic();
    const upstream: Socket = connect({
      host: target.host,
      port: target.port,
      ...(target.source !== undefined && { localAddress: target.source }),
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      onread: readInPlace(() => upstream, this.#options.client),
    });
    const timer = clock.setTimer(CONNECT_MS, () => this.#slow(upstream));
    this.#state = { kind: "connecting", target, upstream, timer };
    upstream.on("error", () => upstream.destroy());
    upstream.once("connect", () => {
      if (this.#state.kind !== "connecting") return;
      timer.cancel();
      this.#patience?.cancel();
      this.#join(target, upstream, clock.monotonic() - since);
    });
    upstream.once("close", () => {
      targets.closed(target.taskId);
      this.#upstreamClosed();
    });
  }

  readonly #clientAddress = (): string => plainAddress(this.#options.client.remoteAddress ?? "");

  /** The task has taken the connection, after a while. */
  #join(target: Target, upstream: Socket, connectMs: Millis): void {
    const { client, clock, targets, key } = this.#options;
    this.#state = { kind: "joined", target, upstream };
    if (target.proxyProtocol) {
      const header = headerOf(client);
      // A client that has gone has no address any more; there is nobody to introduce.
      if (header === undefined) {
        upstream.destroy();
        return this.abort();
      }
      upstream.write(header);
    }
    join(client, upstream);
    if (!target.isTimed) return;
    timeAnswer({ client, upstream }, clock, (ms) => targets.answered(key, target.taskId, connectMs + ms));
  }

  /** Gives up on nodes that are dead: another task is tried, or the client sees its connection break. */
  dropDead(nodes: ReadonlySet<NodeId>): void {
    const state = this.#state;
    if (state.kind !== "connecting" && state.kind !== "joined") return;
    if (!nodes.has(state.target.nodeId)) return;
    if (state.kind === "connecting") state.upstream.destroy();
    else this.abort();
  }

  /** Ends a client that has no task yet. */
  abortUnlessJoined(): void {
    if (this.#state.kind !== "joined") this.abort();
  }

  abort(): void {
    reset(this.#options.client);
  }

  /** The task has not answered yet. Without another one there is nothing better than to go on waiting for it. */
  #slow(upstream: Socket): void {
    this.#losePatience();
    const { targets, key } = this.#options;
    if (targets.hasAnother(key, this.#tried)) upstream.destroy();
  }

  /** Every task was tried, or there is none: waits for the table to change, or a moment, and tries them all. */
  #wait(): void {
    const { targets, clock, room } = this.#options;
    if (!room.enter()) return this.#refuse();
    this.#losePatience();
    const again = (): void => {
      stop();
      this.#tried.clear();
      this.connect();
    };
    const stopListening = targets.onceChanged(again);
    const timer = clock.setTimer(RETRY_MS, again);
    const stop = (): void => {
      stopListening();
      timer.cancel();
      room.leave();
    };
    this.#state = { kind: "waiting", stop };
  }

  #losePatience(): void {
    this.#patience ??= this.#options.clock.setTimer(PATIENCE_MS, () => this.#refuse());
  }

  #refuse(): void {
    this.#refused = true;
    this.abort();
  }

  #upstreamClosed(): void {
    const state = this.#state;
    if (state.kind === "connecting") {
      state.timer.cancel();
      // However fast it was refused, a task that takes no connection must not look like the best one.
      const { targets, key } = this.#options;
      targets.answered(key, state.target.taskId, CONNECT_MS);
      this.#losePatience();
      this.connect();
    } else if (state.kind === "joined" && this.#options.client.closed) {
      this.#end();
    }
  }

  #clientClosed(): void {
    const state = this.#state;
    switch (state.kind) {
      case "waiting":
        state.stop();
        return this.#end();
      case "connecting":
        this.#end();
        state.timer.cancel();
        state.upstream.destroy();
        return;
      case "joined":
        if (state.upstream.closed) this.#end();
        return;
      case "ended":
    }
  }

  #end(): void {
    this.#state = { kind: "ended" };
    this.#patience?.cancel();
    this.#options.onEnd(this, this.#refused);
  }
}

function headerOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): Buffer | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  if (localAddress === undefined || localPort === undefined) return undefined;
  return proxyHeader({ host: remoteAddress, port: remotePort }, { host: localAddress, port: localPort });
}
