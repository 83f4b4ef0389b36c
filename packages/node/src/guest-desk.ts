import { ClusterError, sleep, type Clock, type Millis, type NodeId, type Scope } from "@murmur/base";
import type { GossipDriver } from "@murmur/agent";
import { networkId, type Guest } from "@murmur/model";
import type { PeerTransport } from "@murmur/transport";
import { z } from "zod";

const METHOD = "guests";
const CALL_MS: Millis = 5_000;
const RETRY = { firstMs: 500, mostMs: 30_000 } as const;
/** Of one node, as a message may have. */
const GUESTS_MAX = 1_024;
const NAMES_MAX = 64;

const text = z.string().max(255);
const message = z.object({
  /** When the sender's process began, and how often its guests have changed since: an older one of it changes nothing. */
  since: z.number(),
  version: z.number(),
  guests: z
    .array(
      z.object({
        networkId: text.transform(networkId),
        names: z.array(text).max(NAMES_MAX),
        ipv4: text,
        ipv6: text.optional(),
      }),
    )
    .max(GUESTS_MAX),
});
type Message = z.infer<typeof message>;

export interface GuestDeskOptions {
  readonly self: NodeId;
  readonly transport: Pick<PeerTransport, "call" | "handle" | "onPeerUp">;
  readonly gossip: Pick<GossipDriver, "member" | "members" | "onMember">;
  /** Takes all guests of all nodes, each time that they have changed. */
  readonly onGuests: (guests: readonly Guest[]) => void;
  readonly clock: Clock;
}

/**
 * Tells the other nodes which guests this node's engine has, and hears of theirs. What a node has told counts until it says
 * otherwise, or is no node of the cluster any more; while it is down, whoever sends traffic leaves it out.
 */
export class GuestDesk {
  readonly #options: GuestDeskOptions;
  readonly #scope: Scope;
  readonly #since: number;
  #own: readonly Guest[] = [];
  #version = 0;
  /** The version that each live node has acknowledged. */
  readonly #told = new Map<NodeId, number>();
  readonly #telling = new Set<NodeId>();
  /** Invariant: of nodes that are, and of some of which nobody has told yet that they are. */
  readonly #heard = new Map<NodeId, Message>();
  /** The cluster's nodes; undefined until this node is told. */
  #nodes: ReadonlySet<NodeId> | undefined;
  #all: readonly Guest[] = [];

  constructor(options: GuestDeskOptions, scope: Scope) {
    const { transport, gossip, clock } = options;
    this.#options = options;
    this.#scope = scope;
    this.#since = clock.now();
    scope.use(transport.handle(METHOD, async (from, body) => this.#hear(from, body)));
    // Its process may be another one, which knows of nothing.
    scope.use(transport.onPeerUp((id) => this.#tellAnew(id)));
    const unsubscribe = gossip.onMember((_change, { id, state }) => {
      if (state === "alive") this.#tell(id);
      else this.#told.delete(id);
      if (state === "left" && this.#nodes?.has(id) === false) this.#heard.delete(id);
    });
    scope.defer(unsubscribe);
  }

  /** All guests of all nodes, as far as they have told. */
  get all(): readonly Guest[] {
    return this.#all;
  }

  /** All guests of this node, from now on. */
  set(guests: readonly Guest[]): void {
    if (JSON.stringify(guests) === JSON.stringify(this.#own)) return;
    this.#own = guests;
    this.#version += 1;
    for (const { id, state } of this.#options.gossip.members()) if (state === "alive") this.#tell(id);
    this.#changed();
  }

  /**
   * Which nodes there are. A node that has started again may be told at first what was so long ago: what a node that joined
   * since has told it is kept, as nobody tells twice, and counts once that node is known (seed 1100067457).
   */
  learn(nodes: readonly { readonly id: NodeId }[]): void {
    const before = this.#nodes;
    const now = new Set(nodes.map(({ id }) => id));
    const changed = [...this.#heard.keys()].filter((id) => (before?.has(id) ?? true) !== now.has(id));
    this.#nodes = now;
    for (const id of changed) if (before?.has(id) === true) this.#heard.delete(id);
    if (changed.length > 0) this.#changed();
  }

  #tellAnew(id: NodeId): void {
    this.#told.delete(id);
    this.#tell(id);
  }

  #tell(id: NodeId): void {
    if (id === this.#options.self || this.#telling.has(id)) return;
    this.#telling.add(id);
    this.#scope.run("guests", async (signal) => {
      try {
        await this.#tellUntilTold(id, signal);
      } finally {
        this.#telling.delete(id);
      }
    });
  }

  /** Until it has acknowledged the present version, or isn't alive any more. */
  async #tellUntilTold(id: NodeId, signal: AbortSignal): Promise<void> {
    const { transport, gossip, clock } = this.#options;
    let pauseMs: Millis = RETRY.firstMs;
    while (gossip.member(id)?.state === "alive" && this.#told.get(id) !== this.#version) {
      const version = this.#version;
      const guests = this.#own.map(({ nodeId: _self, ...guest }) => guest);
      try {
        const body = { since: this.#since, version, guests };
        await transport.call(id, METHOD, body, { signal, timeoutMs: CALL_MS });
        this.#told.set(id, version);
      } catch {
        if (signal.aborted) return;
        await sleep(clock, pauseMs, signal);
        pauseMs = Math.min(2 * pauseMs, RETRY.mostMs);
      }
    }
  }

  #hear(from: NodeId, body: unknown): true {
    const { success, data } = message.safeParse(body);
    if (!success) throw new ClusterError("invalid_argument", "guests: malformed body");
    const before = this.#heard.get(from);
    if (before !== undefined && isOlder(data, before)) return true;
    this.#heard.set(from, data);
    if ((before?.guests.length ?? 0) + data.guests.length > 0) this.#changed();
    return true;
  }

  #changed(): void {
    const counted = [...this.#heard].filter(([id]) => this.#nodes?.has(id) ?? true);
    const others = counted.flatMap(([nodeId, { guests }]) =>
      guests.map(({ ipv6, ...guest }): Guest => ({ ...guest, nodeId, ...(ipv6 !== undefined && { ipv6 }) })),
    );
    this.#all = [...this.#own, ...others];
    this.#options.onGuests(this.#all);
  }
}

const isOlder = (one: Message, other: Message): boolean => one.since === other.since && one.version < other.version;
