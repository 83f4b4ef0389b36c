import { Gauge, Registry, collectDefaultMetrics } from "prom-client";
import type { Metrics } from "@murmur/api";
import type { Member } from "./member.ts";

/** What is measured of a member, read when somebody asks. Names are Prometheus' style: unit last. */
const GAUGES: readonly { readonly name: string; readonly help: string; readonly read: (member: Member) => number }[] = [
  { name: "murmur_raft_term", help: "Raft's term", read: (member) => member.host.manager()?.status().term ?? 0 },
  {
    name: "murmur_raft_commit_index",
    help: "Highest committed log index",
    read: (member) => member.host.manager()?.status().commit ?? 0,
  },
  {
    name: "murmur_raft_applied_index",
    help: "Highest applied log index",
    read: (member) => member.host.manager()?.status().applied ?? 0,
  },
  {
    name: "murmur_raft_is_leader",
    help: "1 on the leader",
    read: (member) => (member.host.manager()?.status().role === "leader" ? 1 : 0),
  },
  {
    name: "murmur_manager_sessions",
    help: "Agents with a session on this manager",
    read: (member) => member.host.manager()?.status().sessions ?? 0,
  },
  {
    name: "murmur_manager_requests_waiting",
    help: "Requests that wait to be committed",
    read: (member) => member.host.manager()?.status().waiting ?? 0,
  },
  { name: "murmur_gossip_members", help: "Live members", read: (member) => member.gossip.health().live },
  {
    name: "murmur_gossip_health_score",
    help: "Lifeguard's local health: 0 is well",
    read: (member) => member.gossip.health().score,
  },
  {
    name: "murmur_gossip_rumors_waiting",
    help: "Rumors that wait to be sent",
    read: (member) => member.gossip.health().rumorsWaiting,
  },
  {
    name: "murmur_transport_connections",
    help: "Connections to peers",
    read: (member) => member.transport.stats().connections,
  },
  {
    name: "murmur_transport_calls",
    help: "Calls in flight, both ways",
    read: (member) => member.transport.stats().callsIn + member.transport.stats().callsOut,
  },
  { name: "murmur_transport_streams", help: "Open streams", read: (member) => member.transport.stats().streams },
  {
    name: "murmur_agent_tasks",
    help: "Tasks that this node's agent has",
    read: (member) => member.agent.stats().tasks,
  },
  {
    name: "murmur_agent_engine_calls_waiting",
    help: "Engine calls that wait for their turn",
    read: (member) => member.agent.stats().engineCallsWaiting,
  },
  {
    name: "murmur_agent_reports_pending",
    help: "Facts that no manager has confirmed",
    read: (member) => member.agent.stats().reportsPending,
  },
  {
    name: "murmur_network_listeners_failed",
    help: "Published ports, and the DNS server, that this node can't open",
    read: (member) => member.plane.listeners().filter(({ state }) => state === "failed").length,
  },
  {
    name: "murmur_network_connections",
    help: "Connections through this node's published ports",
    read: (member) => member.plane.stats().proxies.connections,
  },
  {
    name: "murmur_network_connections_refused",
    help: "Connections for which no task could be reached, since the start",
    read: (member) => member.plane.stats().proxies.refused,
  },
  {
    name: "murmur_network_proxy_workers",
    help: "Processes that carry connections of published ports beside the daemon",
    read: (member) => member.plane.stats().proxyWorkers ?? 0,
  },
  {
    name: "murmur_network_table_version",
    help: "The version of the endpoint table that is in force on this node",
    read: (member) => member.plane.stats().table?.version ?? 0,
  },
  {
    name: "murmur_network_table_since_seconds",
    help: "Since when that version is in force, in seconds since 1970",
    read: (member) => (member.plane.stats().table?.since ?? 0) / 1_000,
  },
  {
    name: "murmur_overlay_problems",
    help: "What of this node's overlay could not be rendered",
    read: (member) => member.plane.stats().overlay?.problems ?? 0,
  },
  {
    name: "murmur_overlay_renders",
    help: "Renderings of this node's overlay, since the start",
    read: (member) => member.plane.stats().overlay?.renders ?? 0,
  },
  {
    name: "murmur_overlay_last_render_ms",
    help: "How long the last rendering of this node's overlay took",
    read: (member) => member.plane.stats().overlay?.lastMs ?? 0,
  },
  {
    name: "murmur_overlay_differences_mended",
    help: "What others had changed in this node's overlay, since the start",
    read: (member) => member.plane.stats().overlay?.differences ?? 0,
  },
  {
    name: "murmur_network_dns_queries",
    help: "Questions to this node's DNS server, since the start",
    read: (member) => member.plane.stats().dns.queries,
  },
];

/** The daemon's figures in Prometheus' text form: the process's own, and the member's while there is one. */
export function openMetrics(member: () => Member | undefined): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauges = GAUGES.map(({ name, help, read }) => ({
    gauge: new Gauge({ name, help, registers: [registry] }),
    read,
  }));
  return {
    async text() {
      const current = member();
      for (const { gauge, read } of gauges) {
        if (current === undefined) gauge.reset();
        else gauge.set(read(current));
      }
      return registry.metrics();
    },
  };
}
