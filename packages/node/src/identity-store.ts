import { ClusterError, nodeId, type NodeId } from "@murmur/base";
import {
  createNodeKey,
  lockRecord,
  parseIdentity,
  serializeIdentity,
  unlockRecord,
  type NodeIdentity,
  type UnlockKey,
} from "@murmur/identity";
import type { Availability, DataPlaneKind } from "@murmur/model";
import type { NodeState } from "@murmur/storage";
import { z } from "zod";
import { readGeneration, type Generation } from "./generation.ts";

const IDENTITY = "identity";
const MEMBERSHIP = "membership";
const GENERATION = "generation";
const JOIN_KEY = "join-key";

const membership = z.object({
  listen: z.string(),
  address: z.string(),
  peers: z.array(z.object({ id: z.string(), address: z.string() })),
  dataPlane: z.enum(["ports", "overlay"]).optional(),
});

/** An identity that opens with an unlock key. Who it is stays in clear. */
const locked = z.object({
  version: z.literal("locked"),
  nodeId: z.string(),
  clusterId: z.string(),
  sealed: z.string(),
});

const joinKey = z.object({ attempt: z.string(), keyPem: z.string() });

/** What tells one attempt to join from the repetition of another. */
export interface JoinAttempt {
  /** Which cluster. */
  readonly caDigest: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly availability: Availability;
}

/** Where this node is, and where it last saw the others. */
export interface StoredMembership {
  /** `HOST:PORT` that it listens on. */
  readonly listen: string;
  /** `IP:PORT` that it told the others. */
  readonly address: string;
  readonly peers: readonly { readonly id: NodeId; readonly address: string }[];
  /** The cluster's; left out: `ports`. */
  readonly dataPlane?: DataPlaneKind | undefined;
}

export interface StoredNode {
  readonly identity: NodeIdentity;
  readonly membership: StoredMembership;
  /** The generation of the cluster that this node is in; undefined in the first. */
  readonly generation: Generation | undefined;
}

/** A node that nobody has unlocked yet. */
export interface LockedNode {
  readonly nodeId: NodeId;
  readonly clusterId: string;
}

const contextOf = (of: { readonly clusterId: string; readonly nodeId: string }): string =>
  `identity/${of.clusterId}/${of.nodeId}`;

/** What makes this machine a node of its cluster, on disk. The identity is written last and removed first. */
export class IdentityStore {
  readonly #state: NodeState;
  #lock: UnlockKey | undefined;

  constructor(state: NodeState) {
    this.#state = state;
  }

  /** What the identity on the disk is sealed with; undefined: it is in clear, or nobody has unlocked it since this process began. */
  get lock(): UnlockKey | undefined {
    return this.#lock;
  }

  /** The first identity that is written will be sealed with it. */
  lockWith(key: UnlockKey | undefined): void {
    this.#lock = key;
  }

  /** Whose identity waits to be unlocked; undefined: none does. */
  async locked(): Promise<LockedNode | undefined> {
    const record = locked.safeParse(await this.#state.get(IDENTITY));
    if (!record.success || this.#lock !== undefined) return undefined;
    return { nodeId: nodeId(record.data.nodeId), clusterId: record.data.clusterId };
  }

  /** Whether the key opens the identity; from then on it is read, and written, with it. */
  async unlock(key: UnlockKey): Promise<boolean> {
    const record = locked.safeParse(await this.#state.get(IDENTITY));
    if (!record.success || unlockRecord(record.data.sealed, key, contextOf(record.data)) === undefined) return false;
    this.#lock = key;
    return true;
  }

  /**
   * Undefined when this machine is in no cluster. Throws `corrupt` when what is stored does not fit together, or waits to
   * be unlocked: ask for `locked` first.
   */
  async read(): Promise<StoredNode | undefined> {
    const stored = await this.#state.get(IDENTITY);
    if (stored === undefined) return undefined;
    const identity = parseIdentity(this.#opened(stored));
    const record = membership.safeParse(await this.#state.get(MEMBERSHIP));
    if (!record.success) {
      throw new ClusterError(
        "corrupt",
        "this node has an identity but no record of its cluster: `murmur cluster leave --force`, then join again",
      );
    }
    const { peers, dataPlane, ...where } = record.data;
    return {
      identity,
      membership: {
        ...where,
        peers: peers.map((peer) => ({ ...peer, id: nodeId(peer.id) })),
        ...(dataPlane && { dataPlane }),
      },
      generation: await this.#readGeneration(identity),
    };
  }

  #opened(stored: unknown): unknown {
    const record = locked.safeParse(stored);
    if (!record.success || this.#lock === undefined) return stored;
    return unlockRecord(record.data.sealed, this.#lock, contextOf(record.data));
  }

  async #readGeneration(identity: NodeIdentity): Promise<Generation | undefined> {
    const stored = await this.#state.get(GENERATION);
    if (stored === undefined) return undefined;
    const generation = readGeneration(stored, identity);
    if (generation !== undefined) return generation;
    throw new ClusterError(
      "corrupt",
      "this node's record of the cluster's recovery can't be read: `murmur cluster leave --force`, then join again",
    );
  }

  async writeMembership(value: StoredMembership): Promise<void> {
    await this.#state.put(MEMBERSHIP, { ...value, peers: value.peers.map((peer) => ({ ...peer })) });
  }

  /** In one step: before it the old lock opens what is stored, after it the new one does. */
  async writeIdentity(
    identity: NodeIdentity,
    { lock }: { readonly lock: UnlockKey | undefined } = { lock: this.#lock },
  ): Promise<void> {
    const record = serializeIdentity(identity);
    if (lock === undefined) await this.#state.put(IDENTITY, { ...record });
    else {
      const { nodeId: id, clusterId } = identity;
      const sealed = lockRecord(record, lock, contextOf(identity));
      await this.#state.put(IDENTITY, { version: "locked", nodeId: id, clusterId, sealed });
    }
    this.#lock = lock;
  }

  async writeGeneration(generation: Generation): Promise<void> {
    await this.#state.put(GENERATION, { ...generation, manager: { ...generation.manager } });
  }

  async forgetGeneration(): Promise<void> {
    await this.#state.delete(GENERATION);
  }

  /**
   * The key to join with. It stays until this node has joined or left: a cluster gives one key one place, so whoever asks
   * again because the answer was lost gets the place that it has been given. An attempt to be another node has another key.
   */
  async joinKey({ caDigest, labels, availability }: JoinAttempt): Promise<string> {
    const sorted = Object.keys(labels).toSorted();
    const attempt = JSON.stringify([caDigest, availability, sorted.map((name) => [name, labels[name]])]);
    // One that can't be read is no loss: the node gets another place.
    const kept = joinKey.safeParse(await this.#state.get(JOIN_KEY).catch(() => undefined));
    if (kept.success && kept.data.attempt === attempt) return kept.data.keyPem;
    const keyPem = await createNodeKey();
    await this.#state.put(JOIN_KEY, { attempt, keyPem });
    return keyPem;
  }

  async forgetJoinKey(): Promise<void> {
    await this.#state.delete(JOIN_KEY);
  }

  /** All but the key to join with. */
  async forget(): Promise<void> {
    await this.#state.delete(IDENTITY);
    this.#lock = undefined;
    await this.#state.delete(MEMBERSHIP);
    await this.forgetGeneration();
  }
}
