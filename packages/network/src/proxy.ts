import type { Server } from "node:net";
import type { Clock, Log, NodeId } from "@murmur/base";
import type { ListenAt } from "./listen-at.ts";
import type { ListenerStatus } from "./listener-status.ts";
import type { PublishedPort } from "./published-port.ts";
import type { Targets } from "./targets.ts";

export interface ProxyStats {
  /** TCP connections that are open now, and all since the start. */
  readonly connections: number;
  readonly connectionsTotal: number;
  /** Of these, those for which no task could be reached. */
  readonly refused: number;
  /** UDP clients that are remembered now. */
  readonly flows: number;
  readonly packetsDropped: number;
}

export const NO_TRAFFIC: ProxyStats = { connections: 0, connectionsTotal: 0, refused: 0, flows: 0, packetsDropped: 0 };

export const addStats = (left: ProxyStats, right: ProxyStats): ProxyStats => ({
  connections: left.connections + right.connections,
  connectionsTotal: left.connectionsTotal + right.connectionsTotal,
  refused: left.refused + right.refused,
  flows: left.flows + right.flows,
  packetsDropped: left.packetsDropped + right.packetsDropped,
});

/** One published port: its listener and what goes through it. */
export interface Proxy extends AsyncDisposable {
  readonly port: PublishedPort;
  start(): void;
  /** Tries at once to listen, if it doesn't; resolves when that is over. */
  retry(): Promise<void>;
  /** Closes the listener at once. What is under way lives on until it ends by itself; settled when all has ended. */
  retire(): Promise<void>;
  /** Ends what goes to nodes that are dead. */
  dropDead(nodes: ReadonlySet<NodeId>): void;
  status(): ListenerStatus;
  stats(): ProxyStats;
}

/** Told of each TCP port's socket: others may listen on it, too. */
export interface SharedPorts {
  opened(key: string, socket: Server): void;
  /** Called before it is closed here. */
  closed(key: string): void;
}

/** What a proxy works with. */
export interface ProxyTools {
  readonly targets: Targets;
  readonly clock: Clock;
  readonly log: Log;
  /** Left out: the port is opened on this machine. */
  readonly openTcp?: (port: PublishedPort, at: ListenAt) => Promise<Server>;
  readonly shared?: SharedPorts | undefined;
}
