import type { Clock, Log, Millis, NodeId, Random } from "@murmur/base";
import type { EngineStatus, NodeCertificate, NodeDescription } from "@murmur/model";
import type { EngineLimits } from "./engine.ts";
import type { KeyValue, NodeContext, Runtime, Sessions, TaskFiles, TaskNetworks, Withdrawals } from "./ports.ts";

export interface AgentOptions {
  /** Who this node is, and where its tasks are reached. */
  readonly node: NodeContext;
  /** Left out: the engine's. */
  readonly hostname?: string;
  /** What this node has beside CPU and memory, as its operator says; beside what its engine is told of it. */
  readonly generic?: NodeDescription["resources"]["generic"];
  readonly murmurVersion: string;
  /** The versions of the wire protocol that this node speaks. */
  readonly protocol: { readonly min: number; readonly max: number };
  /** Of `NodeDescription`, as it is now. */
  readonly subnets?: () => readonly string[];
  /** As `ClusterNode.certificate`, as it is now; left out: this node has none. */
  readonly certificate?: () => NodeCertificate;
  /** `IP:port` of this node's peer transport, reported to the managers. */
  readonly address?: string;
  /** What gossip says of another node. */
  readonly verdict: (id: NodeId) => "alive" | "dead" | "unheard";
  readonly runtime: Runtime;
  readonly sessions: Sessions;
  readonly withdrawals: Withdrawals;
  /** Given on nodes of the `overlay` plane. */
  readonly networks?: TaskNetworks;
  /** Where the secrets and configs of this node's tasks are kept; left out: it can't have any. */
  readonly files?: TaskFiles;
  /** Keeps two records, `agent.tasks` and `agent.view`. */
  readonly store: KeyValue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<EngineLimits>;
  /** Between two pings of the engine, and between two lists of its containers: the nets below the event stream. */
  readonly pingEveryMs?: Millis;
  readonly listEveryMs?: Millis;
}

export interface AgentStats {
  readonly tasks: number;
  readonly connected: boolean;
  readonly engine: EngineStatus;
  readonly engineCallsRunning: number;
  readonly engineCallsWaiting: number;
  /** Facts that no manager has confirmed yet. */
  readonly reportsPending: number;
}
