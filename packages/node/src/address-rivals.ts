import { sleep, type Clock, type Log, type Millis, type NodeId, type Scope } from "@murmur/base";
import type { GossipDriver } from "@murmur/agent";

/** A node that has moved away is known at its old address for a moment. */
const PATIENCE_MS: Millis = 10_000;

export interface AddressRivalsOptions {
  readonly self: { readonly id: NodeId; readonly address: string };
  readonly gossip: Pick<GossipDriver, "member" | "onMember">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Tells, until the scope ends, when another live node says that it is at this node's address. Once for each such node. */
export function watchRivals({ self, gossip, clock, log }: AddressRivalsOptions, scope: Scope): void {
  const suspected = new Set<NodeId>();
  const claims = (id: NodeId): boolean => {
    const member = gossip.member(id);
    return member?.state === "alive" && member.address === self.address;
  };
  const stop = gossip.onMember((_change, { id }) => {
    if (id === self.id || suspected.has(id) || !claims(id)) return;
    suspected.add(id);
    scope.run("another node's address", async (signal) => {
      await sleep(clock, PATIENCE_MS, signal);
      if (!claims(id)) return void suspected.delete(id);
      const text =
        "another node has this node's address: start the daemon of one of them with its own --advertise-addr";
      log.error(text, { node: id, address: self.address });
    });
  });
  scope.defer(stop);
}
