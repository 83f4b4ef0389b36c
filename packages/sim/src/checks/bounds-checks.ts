import type { Millis, NodeId } from "@murmur/base";
import type { Manager } from "@murmur/manager";
import { DEFAULT_CONFIG } from "@murmur/raft";
import type { Member } from "@murmur/node";
import type { Observer } from "../world/observer.ts";
import type { World } from "../world/world.ts";
import type { Judge, Named } from "./violation.ts";

/**
 * The bounds, as the packages state them. Those of calls and streams are for each peer and so multiplied by the number of
 * hosts; `events` and `timers` are no promise of anybody's, only far beyond anything that is sound.
 */
export const BOUNDS = {
  /** Things that happen in one process at one instant. After a pause of half a minute thousands may wait. */
  events: 50_000,
  timers: 10_000,
  /** Writes of Raft that are not durable yet. */
  writes: 4_096,
  /** Requests that wait to be committed. */
  waiting: 16_384,
  inflightMessages: DEFAULT_CONFIG.maxInflightMessages,
  inflightBytes: DEFAULT_CONFIG.maxInflightBytes + DEFAULT_CONFIG.maxAppendBytes,
  callsOfPeer: 1_024,
  streamsOfPeer: 256,
  /** Of hosts that are gone silently some last until that is noticed. */
  connections: 1_024,
  relays: 1_024,
} as const;

/** A host is looked at closely once in so many steps. */
const STEPS_BETWEEN_LOOKS = 64;

/** What these checks look at on a host. */
export interface BoundHost extends Named {
  readonly life: { readonly process: { readonly timers: number } } | undefined;
  readonly member:
    | {
        readonly identity: { readonly nodeId: NodeId };
        readonly transport: Pick<Member["transport"], "stats">;
        readonly gossip: Pick<Member["gossip"], "health">;
        readonly agent: Pick<Member["agent"], "stats">;
        readonly host: { manager(): Pick<Manager, "status"> | undefined };
      }
    | undefined;
}

interface Counts {
  steps: number;
  at: Millis;
  /** Steps at this instant. */
  events: number;
  /** Writes handed to the disk and not durable. */
  writes: number;
}

/** No queue grows beyond its limit, and nothing runs in circles. */
export class BoundsChecks implements Observer {
  readonly #judge: Judge;
  readonly #counts = new Map<BoundHost, Counts>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  opened(host: BoundHost): void {
    this.#of(host).writes = 0;
  }
  wrote(host: BoundHost): void {
    const counts = this.#of(host);
    counts.writes += 1;
    this.#bound(host, "writes that are not durable", counts.writes, BOUNDS.writes);
  }
  durable(host: BoundHost): void {
    this.#of(host).writes -= 1;
  }

  stepped(host: BoundHost): void {
    const counts = this.#of(host);
    const { now } = this.#judge;
    if (counts.at !== now) {
      counts.at = now;
      counts.events = 0;
    }
    counts.events += 1;
    this.#bound(host, "events at one instant", counts.events, BOUNDS.events);
    counts.steps += 1;
    if (counts.steps % STEPS_BETWEEN_LOOKS === 0) this.#look(host);
  }

  #look(host: BoundHost): void {
    const { life, member } = host;
    this.#bound(host, "timers", life?.process.timers ?? 0, BOUNDS.timers);
    if (member === undefined) return;
    // As many as can be peers, whoever this node has heard of.
    const peers = this.#counts.size;
    const { relays } = member.gossip.health();
    const { connections, callsIn, callsOut, streams } = member.transport.stats();
    this.#bound(host, "connections", connections, BOUNDS.connections);
    this.#bound(host, "calls to peers", callsOut, BOUNDS.callsOfPeer * peers);
    this.#bound(host, "calls of peers", callsIn, BOUNDS.callsOfPeer * peers);
    this.#bound(host, "streams", streams, BOUNDS.streamsOfPeer * peers);
    this.#bound(host, "probes that are relayed", relays, BOUNDS.relays);
    const { tasks, reportsPending } = member.agent.stats();
    // A status of each task, and one of the node; of some that are gone the last status is still to be told.
    this.#bound(host, "reports that nobody has confirmed", reportsPending, 2 * tasks + 64);
    const status = member.host.manager()?.status();
    this.#bound(host, "requests that wait to be committed", status?.waiting ?? 0, BOUNDS.waiting);
    for (const { id, inflightMessages, inflightBytes } of status?.peers ?? []) {
      this.#bound(host, `appends under way to ${id}`, inflightMessages, BOUNDS.inflightMessages);
      this.#bound(host, `bytes of appends under way to ${id}`, inflightBytes, BOUNDS.inflightBytes);
    }
  }

  #bound(host: Named, what: string, count: number, limit: number): void {
    if (count <= limit) return;
    this.#judge.refuse(
      "nothing grows beyond its bound",
      host,
      `${String(count)} ${what}`,
      `${String(limit)} is the bound`,
    );
  }

  #of(host: BoundHost): Counts {
    let counts = this.#counts.get(host);
    if (counts === undefined) this.#counts.set(host, (counts = { steps: 0, at: -1, events: 0, writes: 0 }));
    return counts;
  }
}

/** What is under way when a world has come to rest: longer than anything that is waited for without a process. */
const REST_MS: Millis = 120_000;

/**
 * What is left of a world in which every process was stopped, a line each; nothing when nothing is. Lets time pass, so
 * that what was under way ends.
 */
export async function leftovers(world: World): Promise<string[]> {
  const running = world.running.map(({ name }) => `${name} still runs`);
  await world.pass(REST_MS);
  const { size } = world.queue;
  return size === 0 ? running : [...running, `${String(size)} events are planned although no process is left`];
}
