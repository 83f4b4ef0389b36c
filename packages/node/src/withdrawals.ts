import { ClusterError, orAborted, type Millis, type NodeId } from "@murmur/base";
import type { GossipDriver, Withdrawals } from "@murmur/agent";
import type { Member } from "@murmur/gossip";
import { taskId, type TaskId } from "@murmur/model";
import type { PeerTransport } from "@murmur/transport";
import type { AddressBook } from "./address-book.ts";
import type { GossipFacts } from "./gossip-facts.ts";

const WITHDRAW_METHOD = "withdraw";
const KEY_PREFIX = "withdraw:";
/** A withdrawal is news for this long; by then the committed state has followed everywhere. */
const TTL_MS: Millis = 15_000;
const NOTHING = new Uint8Array();

interface Sender {
  readonly facts: Pick<GossipFacts, "withdraw">;
  /** Resolves when this node sends nothing to what it has been told to avoid; rejects when it is being stopped. */
  readonly settled: () => Promise<void>;
}

export interface WithdrawalOptions extends Sender {
  readonly self: NodeId;
  readonly gossip: Pick<GossipDriver, "member" | "members" | "onMember" | "publish">;
  readonly transport: Pick<PeerTransport, "call">;
  /** The nodes that are known from before. */
  readonly book: Pick<AddressBook, "all">;
}

/**
 * Takes traffic away from a task. The gossiped word reaches every node, quorum or not; the acknowledgement is asked for
 * directly, so that a task that has to stop is stopped as soon as nobody sends to it any more.
 */
export function withdrawals({ self, facts, gossip, transport, settled, book }: WithdrawalOptions): Withdrawals {
  const isOther = ({ id }: { readonly id: NodeId }): boolean => id !== self;
  /** A node that has just been started knows of others, and hasn't met any: those may well send to its tasks. */
  const isStranger = (): boolean => book.all().some((known) => isOther(known) && gossip.member(known.id) === undefined);
  return {
    publish(task) {
      facts.withdraw(task);
      gossip.publish({ key: KEY_PREFIX + task, payload: NOTHING, ttlMs: TTL_MS });
    },
    async acknowledged(task, { signal }) {
      const answers = new Map<NodeId, Promise<unknown>>();
      const met = Promise.withResolvers<void>();
      const ask = (member: Member): void => {
        if (!isOther(member) || member.state !== "alive" || answers.has(member.id)) return;
        // A node that does not answer is cut off or gone, and then it has no traffic to send either.
        answers.set(member.id, Promise.allSettled([transport.call(member.id, WITHDRAW_METHOD, task, { signal })]));
        met.resolve();
      };
      const unsubscribe = gossip.onMember((_change, member) => ask(member));
      try {
        gossip.members().forEach(ask);
        await Promise.allSettled([orAborted(settled(), signal)]);
        if (answers.size === 0 && isStranger()) await orAborted(met.promise, signal);
        // Those who are met meanwhile are asked and waited for, too.
        for (const answer of answers.values()) await answer;
      } finally {
        unsubscribe();
      }
    },
  };
}

/** Follows the withdrawals of other nodes. */
export function hearWithdrawals({
  facts,
  gossip,
  transport,
  settled,
}: Sender & {
  readonly gossip: Pick<GossipDriver, "onBroadcast">;
  readonly transport: Pick<PeerTransport, "handle">;
}): Disposable {
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
