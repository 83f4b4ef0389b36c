import { ClusterError, orAborted, type Millis, type NodeId } from "@murmur/base";
import type { GossipDriver, Withdrawals } from "@murmur/agent";
import { taskId, type TaskId } from "@murmur/model";
import type { PeerTransport } from "@murmur/transport";
import type { GossipFacts } from "./gossip-facts.ts";

const WITHDRAW_METHOD = "withdraw";
const KEY_PREFIX = "withdraw:";
/** A withdrawal is news for this long; by then the committed state has followed everywhere. */
const TTL_MS: Millis = 15_000;
const NOTHING = new Uint8Array();

export interface WithdrawalOptions {
  readonly facts: GossipFacts;
  readonly gossip: GossipDriver;
  readonly transport: PeerTransport;
  /** Resolves when this node sends nothing to what it has been told to avoid. */
  readonly settled: () => Promise<void>;
}

/**
 * Takes traffic away from a task. The gossiped word reaches every node, quorum or not; the acknowledgement is asked for
 * directly, so that a task that has to stop is stopped as soon as nobody sends to it any more.
 */
export function withdrawals({
  self,
  facts,
  gossip,
  transport,
  settled,
}: WithdrawalOptions & { readonly self: NodeId }): Withdrawals {
  return {
    publish(task) {
      facts.withdraw(task);
      gossip.publish({ key: KEY_PREFIX + task, payload: NOTHING, ttlMs: TTL_MS });
    },
    async acknowledged(task, { signal }) {
      const live = gossip.members().filter(({ id, state }) => id !== self && state === "alive");
      // A node that does not answer is cut off or gone, and then it has no traffic to send either.
      await Promise.allSettled([
        orAborted(settled(), signal),
        ...live.map(({ id }) => transport.call(id, WITHDRAW_METHOD, task, { signal })),
      ]);
    },
  };
}

/** Follows the withdrawals of other nodes. */
export function hearWithdrawals({ facts, gossip, transport, settled }: WithdrawalOptions): Disposable {
  const heard = (id: TaskId): void => facts.withdraw(id);
  const unsubscribe = gossip.onBroadcast((_origin, key) => {
    if (key.startsWith(KEY_PREFIX)) heard(taskId(key.slice(KEY_PREFIX.length)));
  });
  const handler = transport.handle(WITHDRAW_METHOD, async (_from, body) => {
    if (typeof body !== "string") throw new ClusterError("invalid_argument", "withdraw: malformed body");
    heard(taskId(body));
    await settled();
    return true;
  });
  return {
    [Symbol.dispose]() {
      unsubscribe();
      handler[Symbol.dispose]();
    },
  };
}
