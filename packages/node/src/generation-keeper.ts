import {
  codeOf,
  messageOf,
  sleep,
  withSignals,
  type Clock,
  type Log,
  type Millis,
  type NodeId,
  type Scope,
} from "@murmur/base";
import type { PeerTransport } from "@murmur/transport";
import { FIRST_GENERATION, readGeneration, type Generation } from "./generation.ts";

const METHOD = "generation";
const ASK_TIMEOUT_MS: Millis = 2_000;
/** How often the nodes that gossip shows in another generation are met. */
const MEET_MS: Millis = 1_000;
/** Nodes that are met at the same time; the others have their turn in the next rounds. */
const MEET_AT_ONCE = 16;

export interface GenerationKeeperOptions {
  /** What was stored when this process last ended. */
  readonly stored: Generation | undefined;
  readonly cluster: () => { readonly clusterId: string; readonly caPem: string };
  readonly store: (generation: Generation) => Promise<void>;
  readonly transport: Pick<PeerTransport, "call" | "handle">;
  /** Live nodes that gossip shows, with the generation that each says it is in. */
  readonly neighbours: () => readonly { readonly id: NodeId; readonly generation: number }[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Called with a generation as soon as it is this node's. */
export type GenerationListener = (generation: Generation) => void;

/**
 * Which generation of its cluster this node is in. Two nodes that meet tell each other theirs, and the one that is behind
 * takes over the other's; from then on it deals with nobody of an older one. It never goes back.
 */
export class GenerationKeeper {
  readonly #options: GenerationKeeperOptions;
  readonly #listeners: GenerationListener[] = [];
  #current: Generation | undefined;
  /** Meetings under way. */
  readonly #meeting = new Set<NodeId>();
  #scope: Scope | undefined;

  constructor(options: GenerationKeeperOptions) {
    this.#options = options;
    this.#current = options.stored;
  }

  get current(): Generation | undefined {
    return this.#current;
  }
  get number(): number {
    return this.#current?.number ?? FIRST_GENERATION;
  }

  onChange(listener: GenerationListener): void {
    this.#listeners.push(listener);
  }

  /** Answers peers and goes to those that are behind or ahead, until the scope ends. */
  open(scope: Scope): void {
    const { transport, clock } = this.#options;
    this.#scope = scope;
    scope.use(
      transport.handle(METHOD, async (_from, body) => {
        await this.#hear(body);
        return this.#current ?? null;
      }),
    );
    scope.run("generations", async (signal) => {
      for (;;) {
        await sleep(clock, MEET_MS, signal);
        for (const { id, generation } of this.#options.neighbours()) if (generation !== this.number) this.meet(id);
      }
    });
  }

  /** Compares generations with a peer, in the background; at most `MEET_AT_ONCE` peers at a time, the rest is left. */
  meet(peer: NodeId): void {
    if (this.#meeting.has(peer) || this.#meeting.size >= MEET_AT_ONCE) return;
    this.#meeting.add(peer);
    this.#scope?.run("generation of a peer", async (signal) => {
      try {
        await this.#ask(peer, signal);
      } finally {
        this.#meeting.delete(peer);
      }
    });
  }

  /** Compares generations with some peers and waits for their answers, but no longer than the limit. */
  async meetAll(peers: readonly NodeId[], limitMs: Millis, signal: AbortSignal): Promise<void> {
    const answered = Promise.all(peers.slice(0, MEET_AT_ONCE).map((peer) => this.#ask(peer, signal)));
    const waited = new AbortController();
    await withSignals([signal, waited.signal], async (until) => {
      const late = sleep(this.#options.clock, limitMs, until).catch(() => {});
      await Promise.race([answered, late]);
      waited.abort(new Error("all have answered"));
    });
  }

  /** Begins a generation here. Resolves when it is durable; what follows from it is the caller's to do. */
  async begin(generation: Generation): Promise<void> {
    await this.#options.store(generation);
    this.#take(generation);
  }

  /**
   * Takes over the statement of this generation that another root has signed; resolves when it is durable. One of a later
   * generation is followed, anything else passed over.
   */
  async replace(value: unknown): Promise<void> {
    const generation = readGeneration(value, this.#options.cluster());
    if (generation?.number !== this.number) return this.#hear(value);
    await this.#options.store(generation);
    this.#current = generation;
  }

  async #ask(peer: NodeId, signal: AbortSignal): Promise<void> {
    const { transport, log } = this.#options;
    try {
      const body = this.#current ?? null;
      await this.#hear(await transport.call(peer, METHOD, body, { signal, timeoutMs: ASK_TIMEOUT_MS }));
    } catch (error) {
      log.debug("a node did not tell its generation", { node: peer, code: codeOf(error) });
    }
  }

  async #hear(value: unknown): Promise<void> {
    if (value === null || value === undefined) return;
    const { cluster, store, log } = this.#options;
    const generation = readGeneration(value, cluster());
    if (generation === undefined)
      return log.warn("a node tells of a generation that this cluster's authority didn't sign");
    if (generation.number <= this.number) return;
    log.warn("the cluster was begun anew elsewhere; this node follows", {
      how: generation.origin,
      by: generation.manager.id,
      at: generation.manager.address,
    });
    this.#take(generation);
    try {
      await store(generation);
    } catch (error) {
      // In force all the same: after a restart this node hears of it again before it takes part in anything.
      log.error("the cluster's generation can't be stored; check the data directory", { error: messageOf(error) });
    }
  }

  #take(generation: Generation): void {
    this.#current = generation;
    for (const listener of this.#listeners) listener(generation);
  }
}
