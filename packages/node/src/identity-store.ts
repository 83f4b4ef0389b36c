import { ClusterError, nodeId, type NodeId } from "@murmur/base";
import { createNodeKey, parseIdentity, serializeIdentity, type NodeIdentity } from "@murmur/identity";
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

/** What makes this machine a node of its cluster, on disk. The identity is written last and removed first. */
export class IdentityStore {
  readonly #state: NodeState;

  constructor(state: NodeState) {
    this.#state = state;
  }

  /** Undefined when this machine is in no cluster. Throws `corrupt` when what is stored does not fit together. */
  async read(): Promise<StoredNode | undefined> {
    const stored = await this.#state.get(IDENTITY);
    if (stored === undefined) return undefined;
    const identity = parseIdentity(stored);
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

  async writeIdentity(identity: NodeIdentity): Promise<void> {
    await this.#state.put(IDENTITY, { ...serializeIdentity(identity) });
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
    await this.#state.delete(MEMBERSHIP);
    await this.forgetGeneration();
  }
}
