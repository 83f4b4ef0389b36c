import { ClusterError, nodeId, type NodeId } from "@murmur/base";
import { parseIdentity, serializeIdentity, type NodeIdentity } from "@murmur/identity";
import type { NodeState } from "@murmur/storage";
import { z } from "zod";
import { readGeneration, type Generation } from "./generation.ts";

const IDENTITY = "identity";
const MEMBERSHIP = "membership";
const GENERATION = "generation";

const membership = z.object({
  listen: z.string(),
  address: z.string(),
  peers: z.array(z.object({ id: z.string(), address: z.string() })),
});

/** Where this node is, and where it last saw the others. */
export interface StoredMembership {
  /** `HOST:PORT` that it listens on. */
  readonly listen: string;
  /** `IP:PORT` that it told the others. */
  readonly address: string;
  readonly peers: readonly { readonly id: NodeId; readonly address: string }[];
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
    const { listen, address, peers } = record.data;
    return {
      identity,
      membership: { listen, address, peers: peers.map((peer) => ({ ...peer, id: nodeId(peer.id) })) },
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

  async forget(): Promise<void> {
    await this.#state.delete(IDENTITY);
    await this.#state.delete(MEMBERSHIP);
    await this.forgetGeneration();
  }
}
