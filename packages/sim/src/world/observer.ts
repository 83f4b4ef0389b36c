import type { SimulatedGuest } from "@murmur/agent";
import type { LogFields, NodeId } from "@murmur/base";
import type { Recovered, SnapshotMeta, WriteBatch } from "@murmur/storage";
import type { Host } from "./host.ts";
import type { Lookup } from "./lookup.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Somebody who watches a world: checkers and traces. Everything is told in the order in which it happens; whoever finds
 * something wrong throws, and the run has failed. Watching changes nothing.
 */
export interface Observer {
  /** Something happened in a host's process, and all that followed from it at once is done. */
  stepped?(host: Host): void;
  /** A host's process begins a life. */
  started?(host: Host): void;
  /** It has ended: by itself in good order, or from one moment to the next. */
  ended?(host: Host, how: "stopped" | "crashed"): void;
  /** A process has opened its log of a generation of the cluster, and found this. What follows is about that log. */
  opened?(host: Host, recovered: Recovered, generation: number): void;
  /** A process hands the disk a batch of Raft's log. */
  wrote?(host: Host, batch: WriteBatch): void;
  /** The batch is durable, and the process is about to hear it. */
  durable?(host: Host, batch: WriteBatch): void;
  /**
   * A snapshot that came from another host is durable: the log starts anew behind it, unless it holds the snapshot's last
   * entry. Undefined: the log is empty again, but for term and vote.
   */
  logReplaced?(host: Host, snapshot: SnapshotMeta | undefined): void;
  /** A snapshot of the process's own state is durable. */
  snapshotSaved?(host: Host, snapshot: SnapshotMeta): void;
  /** Nothing is left of what was on the host's disk. */
  wiped?(host: Host): void;
  /** A process sends one of its best-effort messages (Raft's), before the network does anything to it. */
  sent?(host: Host, to: NodeId, message: unknown): void;
  /** A process calls a peer. */
  calls?(host: Host, to: NodeId, call: { readonly method: string; readonly body: unknown }): void;
  /** A call of a process to a peer has settled: with an answer, or without one. The process is about to hear it. */
  called?(
    host: Host,
    to: NodeId,
    call: { readonly method: string; readonly body: unknown; readonly ok: boolean },
  ): void;
  /** A process answers a peer's call, and not with an error. */
  answered?(host: Host, from: NodeId, call: { readonly method: string; readonly body: unknown }): void;
  /** A process asks its engine to send a container a signal. */
  signalled?(host: Host, containerId: string, signalName: string): void;
  /** Somebody on a host has asked for a service by its name, and was answered. */
  named?(host: Host, lookup: Lookup): void;
  /** Somebody on a host sends to what an answer said, which may still be kept. */
  used?(host: Host, lookup: Lookup): void;
  /** Somebody has run a container by hand, or restarted it. */
  guestRuns?(host: Host, guest: SimulatedGuest): void;
  /** A log line. */
  logged?(host: Host, level: LogLevel, message: string, fields: LogFields): void;
  /** Somebody did something to the world. */
  happened?(what: string): void;
}
