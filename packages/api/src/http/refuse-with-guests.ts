import { ClusterError, sleep, type Clock, type Millis } from "@murmur/base";
import type { NetworkId } from "@murmur/model";
import type { ApiPorts } from "../ports.ts";

/** Nodes tell of their guests within a second, unless they are busy. */
const GUESTS_GONE_MS: Millis = 3_000;
const GUESTS_LOOK_MS: Millis = 50;

/** What this node has been told of guests. */
export interface GuestsKnown {
  readonly node: Pick<ApiPorts["node"], "guests">;
  readonly clock: Clock;
}

/**
 * A container that was connected by hand would lose the network under its feet. Its node tells a moment later that it is
 * gone, which a script that has just removed it needn't know. Errors: `in_use`.
 */
export async function refuseWithGuests(
  { id, name }: { readonly id: NetworkId; readonly name: string },
  { node, clock }: GuestsKnown,
  signal: AbortSignal,
): Promise<void> {
  const until = clock.monotonic() + GUESTS_GONE_MS;
  for (;;) {
    const guest = node.guests().find(({ networkId: inside }) => inside === id);
    if (guest === undefined) return;
    if (clock.monotonic() >= until) {
      const who = `container ${guest.names[0] ?? guest.ipv4} on node ${guest.nodeId}`;
      throw new ClusterError("in_use", `network ${name} is in use by ${who}; disconnect or remove it`);
    }
    await sleep(clock, GUESTS_LOOK_MS, signal);
  }
}
