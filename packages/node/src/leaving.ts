import { ClusterError, messageOf } from "@murmur/base";
import { ownerLabels } from "@murmur/agent";
import { clusterId } from "@murmur/model";
import type { LockedNode } from "./identity-store.ts";
import { leaveCluster } from "./leave-cluster.ts";
import type { LocalNodeStart } from "./local-node-options.ts";
import type { Member } from "./member.ts";

export interface LeavingOptions {
  /** Also when nobody can be told, or nobody answers. */
  readonly force: boolean;
  /** Ends the member, and forgets the membership. */
  readonly over: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** How a node leaves its cluster by its own wish, once at a time. */
export class Leaving {
  readonly #start: Pick<LocalNodeStart, "clock" | "log" | "runtime">;
  /** Who leaves; `letGo` is aborted when it hears that the cluster has let it go. */
  #underWay: { readonly member: Member; readonly letGo: AbortController } | undefined;
  #settled: Promise<void> = Promise.resolve();

  constructor(start: Pick<LocalNodeStart, "clock" | "log" | "runtime">) {
    this.#start = start;
  }

  /** Whether a member is leaving. */
  get isUnderWay(): boolean {
    return this.#underWay !== undefined;
  }
  /** Settles, without an error, when the last attempt has ended. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /**
   * A member hears that the cluster has let it go. Returns whether it is leaving, and so goes on by itself; what is left of
   * the leaving of one before it, which has failed, goes on with nothing.
   */
  heardOfIt(member: Member): boolean {
    if (this.#underWay?.member !== member) return false;
    this.#underWay.letGo.abort(new ClusterError("cancelled", "the cluster has let this node go"));
    return true;
  }

  /** Resolves when the member is out and all is over. What it rejects with before leaves it in the cluster. */
  async of(member: Member, options: LeavingOptions): Promise<void> {
    const departure = this.#depart(member, options);
    this.#settled = departure.catch(() => {});
    await departure;
  }

  async #depart(member: Member, { force, over, signal }: LeavingOptions): Promise<void> {
    const letGo = new AbortController();
    this.#underWay = { member, letGo };
    const { clock } = this.#start;
    try {
      await leaveCluster(member, { force, letGo: letGo.signal, clock, signal });
      await over();
    } finally {
      this.#underWay = undefined;
    }
  }

  /** Of a node that is locked: nobody can be told. The containers are this node's all the same. */
  async ofLocked(node: LockedNode | undefined, over: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const departure = this.#departLocked(node, over, signal);
    this.#settled = departure.catch((error: unknown) => this.#start.log.error(messageOf(error)));
    await departure;
  }

  async #departLocked(node: LockedNode | undefined, over: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { runtime, log } = this.#start;
    try {
      if (node !== undefined) {
        const labels = ownerLabels(clusterId(node.clusterId), node.nodeId);
        for (const { id } of await runtime.list(labels, { signal })) await runtime.remove(id, { signal });
      }
    } catch (error) {
      log.warn("containers of this node's tasks are left behind", { error: messageOf(error) });
    }
    await over();
  }
}
