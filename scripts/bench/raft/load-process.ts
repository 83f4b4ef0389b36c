/**
 * The process that writes: `node load-process.ts` with a `LoadOrder` as JSON on its standard input. Each client has a
 * connection and a service of its own, and replaces that service's 1 KB label as often as it is answered. Prints a
 * `LoadResult` as JSON.
 */
import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { LoadClient } from "./load-client.ts";
import { serviceBody, VALUE_BYTES, type LoadOrder, type LoadResult, type OwnService } from "./load-order.ts";

/** Values are pieces of this, so that making them costs nothing and nothing on the way can shorten them. */
const NOISE = randomBytes(64 * 1024).toString("hex");

async function run(order: LoadOrder): Promise<LoadResult> {
  const clients = await Promise.all(
    order.services.map((_service, at) => LoadClient.open(order.sockets[at % order.sockets.length] ?? "")),
  );
  const latencies: number[] = [];
  const errors = new Map<string, number>();
  const start = performance.now();
  const until = start + order.durationMs;
  const written = await Promise.all(
    order.services.map(async (service, at) => {
      const client = clients[at];
      if (client === undefined) throw new Error("every service has its client");
      return writeUntil(until, { client, service, latencies, errors });
    }),
  );
  const elapsedMs = performance.now() - start;
  for (const client of clients) client.close();
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return {
    writes: latencies.length,
    elapsedMs,
    slowestMs: at(1),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    errors: Object.fromEntries(errors),
    cpuMs: (process.cpuUsage().user + process.cpuUsage().system) / 1_000,
    written,
  };
}

interface Writing {
  readonly client: LoadClient;
  readonly service: OwnService;
  readonly latencies: number[];
  readonly errors: Map<string, number>;
}

/** Writes one value after the other; the last one that was acknowledged. A refusal ends it: there must be none. */
async function writeUntil(until: number, { client, service, latencies, errors }: Writing): Promise<OwnService> {
  let { version, value } = service;
  for (let count = 0; performance.now() < until; count += 1) {
    const next = newValue(count);
    const start = performance.now();
    const { status, body } = await client.post(
      `/services/${service.id}/update?version=${String(version)}`,
      serviceBody(service.name, next),
    );
    latencies.push(performance.now() - start);
    const answered =
      status === 200 ? (JSON.parse(body) as { Murmur?: { Version?: number } }).Murmur?.Version : undefined;
    if (answered === undefined) {
      const what = `${String(status)} ${body.trim()}`;
      errors.set(what, (errors.get(what) ?? 0) + 1);
      break;
    }
    version = answered;
    value = next;
  }
  return { ...service, version, value };
}

function newValue(count: number): string {
  const number = `${String(count)}.`;
  const at = Math.floor(Math.random() * (NOISE.length - VALUE_BYTES));
  return number + NOISE.slice(at, at + VALUE_BYTES - number.length);
}

const order = JSON.parse(await text(process.stdin)) as LoadOrder;
console.log(JSON.stringify(await run(order)));
