import { ClusterError } from "@murmur/base";
import type { Hono } from "hono";
import type { ClusterAccess } from "./context.ts";
import { summarize } from "./cluster-summary.ts";
import { EventWriter, parseEventFilter } from "./event-filter.ts";
import { eventLines } from "./event-stream.ts";
import { balanceText } from "./rebalance-text.ts";

/** Event streams open at once on one manager; more are refused with `overloaded`. */
const STREAMS_MAX = 2_048;

/** What a manager answers beside Docker's API. */
export function addMurmurRoutes(app: Hono, access: ClusterAccess): void {
  const { ports } = access;
  let streams = 0;

  app.get("/murmur/cluster", async (context) => {
    const view = await access.read(context, "local");
    const cluster = access.cluster();
    const rebalance = balanceText(cluster, view, ports.clock.now());
    return context.json(summarize(view, cluster.standing(), { node: ports.node.status(), rebalance }));
  });

  app.get("/murmur/events", async (context) => {
    const filter = parseEventFilter(context.req.query("service"), context.req.query("kinds"));
    if (streams >= STREAMS_MAX)
      throw new ClusterError("overloaded", "too many event streams are open: try again later");
    const cluster = access.cluster();
    const view = await access.read(context);
    const nodeContext = () => ({ leader: access.leader(), cluster: view.cluster() });
    const writer = new EventWriter(filter, view, nodeContext);
    const isCurrent = (): boolean => ports.cluster() === cluster;
    const { signal } = context.req.raw;
    streams += 1;
    const onEnd = (): void => void (streams -= 1);
    const lines = eventLines({ cluster, writer, clock: ports.clock, isCurrent, onEnd }, signal);
    return new Response(lines, { headers: { "content-type": "application/x-ndjson" } });
  });
}
