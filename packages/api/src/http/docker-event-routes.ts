import { ClusterError, messageOf, sleep, type Clock, type Millis } from "@murmur/base";
import type { Context, Hono } from "hono";
import { Filters } from "../docker/filters.ts";
import { refusalIn } from "../engine/refusal.ts";
import { EVENT_FILTERS, isWanted, sourcesOf } from "../events/event-filters.ts";
import type { EventMemory } from "../events/event-memory.ts";
import { together } from "../events/together.ts";
import type { ApiPorts } from "../ports.ts";
import type { ClusterAccess } from "./context.ts";
import { madeBody } from "./made-body.ts";
import { readBody } from "./read-body.ts";
import type { AskCluster } from "./system-routes.ts";

/** Streams of Docker's events that are open here at once; one more is refused with `overloaded`. */
const STREAMS_MAX = 1_024;
/** Before the cluster is asked again after a manager was lost. */
const AGAIN_MS: Millis = 1_000;
const LINE_LENGTH_MAX = 1024 * 1024;
const CLUSTER_PATH = "/murmur/swarm-events";

/** The cluster's own events, a line each, from a manager. */
export function addSwarmEventRoute(app: Hono, access: ClusterAccess, memory: EventMemory): void {
  app.get(CLUSTER_PATH, (context) => {
    memory.follow(access.cluster());
    const { filters, since, until } = wished(context);
    const over = new AbortController();
    const end = (): void => over.abort(new ClusterError("cancelled", "nobody reads this any more"));
    const accepts: Parameters<EventMemory["read"]>[0]["accepts"] = (event) => isWanted(event, filters);
    const events = memory.read({ since, until, accepts }, over.signal);
    return new Response(madeBody(encoded(events), { signal: context.req.raw.signal, end }), {
      headers: { "content-type": "application/x-ndjson" },
    });
  });
}

async function* encoded(events: AsyncIterable<object | undefined>): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  for await (const event of events) yield encoder.encode(event === undefined ? "\n" : `${JSON.stringify(event)}\n`);
}

/** Docker's events: those of the cluster, merged with the engine's of the node that is asked. */
export function addDockerEventRoute(app: Hono, ports: ApiPorts, askCluster: AskCluster): void {
  let streams = 0;
  app.get("/events", async (context) => {
    const wish = wished(context);
    const sources = sourcesOf(wish.filters);
    if (streams >= STREAMS_MAX)
      throw new ClusterError("overloaded", "too many event streams are open: try again later");
    streams += 1;
    const over = new AbortController();
    const end = (): void => {
      if (over.signal.aborted) return;
      streams -= 1;
      over.abort(new ClusterError("cancelled", "nobody reads this any more"));
    };
    try {
      const lines: AsyncGenerator<Uint8Array, void, undefined>[] = [];
      if (sources.engine) {
        const { search } = new URL(context.req.url);
        const answer = await ports.engine.stream({ method: "GET", path: `/events${search}` }, over.signal);
        if (answer.status !== 200) throw await refusalIn(answer.status, answer.body);
        lines.push(
          untilItBreaks(linesOf(answer.body), (error) => {
            if (!over.signal.aborted) ports.log.debug("lost the engine's events", { error: messageOf(error) });
            end();
          }),
        );
      }
      if (sources.cluster && ports.node.status().state === "active")
        lines.push(clusterLines({ ports, askCluster }, { ...wish, text: context.req.query("filters") }, over.signal));
      const { signal } = context.req.raw;
      return new Response(madeBody(together(lines), { signal, end }), {
        headers: { "content-type": "application/json" },
      });
    } catch (error) {
      end();
      throw error;
    }
  });
}

/** An engine that goes away ends the whole: what it would have told is missing from then on. */
async function* untilItBreaks(
  lines: AsyncGenerator<Uint8Array, void, undefined>,
  onBreak: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* lines;
  } catch (error) {
    onBreak(error);
  }
}

interface Wished {
  readonly filters: Filters;
  readonly since: Millis | undefined;
  readonly until: Millis | undefined;
}

/** Errors: `invalid_argument`, in Docker's words. */
function wished(context: Context): Wished {
  const moment = (name: string): Millis | undefined => {
    const text = context.req.query(name) ?? "";
    if (text === "") return undefined;
    if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return Number(text) * 1_000;
    throw new ClusterError("invalid_argument", `invalid ${name} '${text}': give seconds since 1970`);
  };
  const [since, until] = [moment("since"), moment("until")];
  if (since !== undefined && until !== undefined && since > until)
    throw new ClusterError("invalid_argument", "`since` time cannot be after `until` time");
  return { filters: Filters.parse(context.req.query("filters"), EVENT_FILTERS), since, until };
}

/** Goes on with another manager when one is lost, from the last event on. */
async function* clusterLines(
  { ports, askCluster }: { readonly ports: Pick<ApiPorts, "clock" | "log">; readonly askCluster: AskCluster },
  { since, until, text = "" }: Wished & { readonly text: string | undefined },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { clock, log } = ports;
  let from = since;
  while (!signal.aborted) {
    const begun = clock.now();
    try {
      const query = new URLSearchParams({ filters: text });
      if (from !== undefined) query.set("since", seconds(from));
      if (until !== undefined) query.set("until", seconds(until));
      const answer = await askCluster(new Request(`http://murmur${CLUSTER_PATH}?${query.toString()}`, { signal }));
      if (!answer.ok || answer.body === null) throw new Error(`status ${String(answer.status)}`);
      for await (const line of linesOf(readBody(answer.body, signal))) {
        from = timeOf(line) ?? from;
        yield line;
      }
    } catch (error) {
      if (!signal.aborted) log.debug("lost the cluster's events", { error: messageOf(error) });
    }
    if (until !== undefined && clock.now() >= until) return;
    from ??= begun;
    await pause(clock, signal);
  }
}

const pause = (clock: Clock, signal: AbortSignal): Promise<void> => sleep(clock, AGAIN_MS, signal).catch(() => {});
const seconds = (at: Millis): string => (at / 1_000).toFixed(3);

function timeOf(line: Uint8Array): Millis | undefined {
  // Written by this package's own route.
  const event = JSON.parse(new TextDecoder().decode(line)) as { readonly timeNano: number };
  return event.timeNano / 1_000_000;
}

/** Lines with their ends; empty ones, which only say that a stream is alive, are left out. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let rest: Uint8Array = new Uint8Array();
  for await (const piece of pieces) {
    const bytes = rest.byteLength === 0 ? piece : Buffer.concat([rest, piece]);
    let at = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, at)) {
      if (end > at) yield bytes.subarray(at, end + 1);
      at = end + 1;
    }
    rest = bytes.subarray(at);
    if (rest.byteLength > LINE_LENGTH_MAX) throw new ClusterError("corrupt", "an event is too long");
  }
}
