import { BoundedQueue, nodeId, randomId, SeededRandom, type Millis, type NodeId, type Random } from "@murmur/base";
import { Swim, type Input, type SwimConfig } from "@murmur/gossip";

/**
 * What a held-up process finds in its socket when it goes on. A Linux socket buffer of 208 KiB holds about as many small
 * datagrams, because each is charged with the kernel's own 768 bytes; what comes after them is lost.
 */
const SOCKET_DATAGRAMS_MAX = 256;
/** Connections that wait to be accepted (Node.js listens with a backlog of 511), and answers on open ones. */
const SOCKET_STREAMS_MAX = 512;
/** What a member whose sockets are stuck has wanted to send; more than it can want in a minute. */
const UNSENT_MAX = 4_096;

/**
 * How a member is held up. `stuck`: each send and each receive blocks until the end, but timers run on, as in a process
 * of several threads; that is what the Lifeguard paper does to its members. `paused`: the first send or receive blocks,
 * and with it all of the process, as in one that has a single thread; its timers are late.
 */
export type Anomaly = "stuck" | "paused";

/**
 * A simulated process with one gossip core. `pausing` is a `paused` anomaly that has begun, but whose process has not
 * sent or received anything yet. `stopped` is for good.
 */
export interface GossipHost {
  readonly number: number;
  readonly id: NodeId;
  readonly address: string;
  readonly swim: Swim;
  state: "running" | "stuck" | "pausing" | "paused" | "stopped";
  /** What waits for the process to go on. */
  readonly datagrams: BoundedQueue<Input>;
  readonly streams: BoundedQueue<() => void>;
  readonly unsent: BoundedQueue<() => void>;
  /** When the world next looks at the core's deadline; Infinity when it need not. */
  wakeAt: Millis;
}

export function gossipHost(number: number, config: Partial<SwimConfig>, random: Random): GossipHost {
  const id = nodeId(randomId(random));
  const address = `10.0.${String(number >> 8)}.${String(number & 255)}:7373`;
  const self = { id, address, meta: new Uint8Array(), incarnation: 0 };
  return {
    number,
    id,
    address,
    swim: new Swim({ self, random: new SeededRandom(random.below(2 ** 31)), config, now: 0 }),
    state: "running",
    datagrams: new BoundedQueue({ limit: SOCKET_DATAGRAMS_MAX, onFull: "drop-newest" }),
    streams: new BoundedQueue({ limit: SOCKET_STREAMS_MAX, onFull: "drop-newest" }),
    unsent: new BoundedQueue({ limit: UNSENT_MAX, onFull: "drop-newest" }),
    wakeAt: Infinity,
  };
}

/** To be called for each send and receive: whether it waits until the member goes on. One that is pausing stops here. */
export function mustWait(host: GossipHost): boolean {
  if (host.state === "pausing") host.state = "paused";
  return host.state === "stuck" || host.state === "paused";
}

/** Whether its timers fire. */
export const hasTime = ({ state }: GossipHost): boolean =>
  state === "running" || state === "stuck" || state === "pausing";
