import { ClusterError, type NodeId } from "@murmur/base";
import type { Peers } from "@murmur/manager";
import { FIRST_GENERATION } from "./generation.ts";
import type { GenerationKeeper } from "./generation-keeper.ts";

/** What a manager sends, with its generation. In the first one it goes as it is. */
interface Fenced {
  readonly generation: number;
  readonly body: unknown;
}

/**
 * The peers as the manager of one generation sees them: nothing passes between managers of different generations, so
 * their terms, votes and entries never mix. Whoever tries is met, and then knows which of the two is behind.
 */
export function fencedPeers(
  peers: Peers,
  generation: number,
  keeper: Pick<GenerationKeeper, "meet" | "number">,
): Peers {
  const wrap = (body: unknown): unknown =>
    generation === FIRST_GENERATION ? body : ({ generation, body } satisfies Fenced);
  /** Whether what a peer sent is for this manager; if not, the two should meet. */
  const admits = (from: NodeId, sent: Fenced): boolean => {
    if (sent.generation === generation && keeper.number === generation) return true;
    keeper.meet(from);
    return false;
  };
  return {
    send: (to, channel, message) => keeper.number === generation && peers.send(to, channel, wrap(message)),
    onMessage: (channel, handler) =>
      peers.onMessage(channel, (from, message) => {
        const sent = unwrap(message);
        if (admits(from, sent)) handler(from, sent.body);
      }),
    call: (to, method, body, options) =>
      keeper.number === generation ? peers.call(to, method, wrap(body), options) : Promise.reject(otherGeneration()),
    handle: (method, handler) =>
      peers.handle(method, (from, body, options) => {
        const sent = unwrap(body);
        return admits(from, sent) ? handler(from, sent.body, options) : Promise.reject(otherGeneration());
      }),
    onPeerDown: (handler) => peers.onPeerDown(handler),
  };
}

function unwrap(value: unknown): Fenced {
  const isFenced =
    typeof value === "object" &&
    value !== null &&
    "generation" in value &&
    "body" in value &&
    typeof value.generation === "number";
  return isFenced
    ? { generation: Number(value.generation), body: value.body }
    : { generation: FIRST_GENERATION, body: value };
}

const otherGeneration = (): ClusterError =>
  new ClusterError("unavailable", "the cluster was recovered or restored, and this manager belongs to its past");
