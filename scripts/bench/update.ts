import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceSpec } from "@murmur/api";
import { eventually, type Host } from "../../test/hosts/host.ts";
import { HostCluster } from "../../test/hosts/host-cluster.ts";
import { tasksOf, type TaskContainer } from "../../test/hosts/task-container.ts";
import { loadOf, makeTrafficImage, TRAFFIC_IMAGE, type Load, type Use } from "./load.ts";
import type { Report } from "./report.ts";
import { runningTasks, specOf, untilRunning } from "./services.ts";

const REQUESTS = 500_000;
/** Each grows the service, shrinks it and replaces every task, under load all the while. */
const ROUNDS_LEAST = 3;
/** No further round begins after this time: on a busy machine there are fewer. */
const ENOUGH_MS = 480_000;
const REPLICAS = { few: 2, usual: 4, many: 8 } as const;
const PORT = 8_080;
/** Served by the nodes' own proxies, as the kernel doesn't know least connections. */
const PROXY_PORT = 8_081;
/** Longer than a round takes: wrk is told when it is over. */
const WRK_S = 1_800;
/** Without an answer for so long, a request has failed. */
const SILENCE_S = 10;
const WARM_UP_MS = 1_000;
const USES = ["keepalive", "connection"] as const satisfies readonly Use[];
const CONNECTIONS = { keepalive: 8, connection: 4 } as const;

/**
 * haproxy as an ordinary HTTP server that shuts down well: told to stop it takes no new connection, answers each request
 * that still comes on an old one, and ends that one with the answer (`Connection: close`).
 */
const SERVER = [
  "global",
  "  nbthread 1",
  "defaults",
  "  mode http",
  "  timeout client 1h",
  "  timeout connect 1s",
  "  timeout server 1s",
  "  option idle-close-on-response",
  "frontend pages",
  "  bind :80 backlog 4096",
  '  http-request return status 200 content-type text/plain string "a page\\n"',
].join("\n");
const HEALTH = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"];

/** wrk without a pause while a service is scaled up and down and all its tasks are replaced. */
export async function update(): Promise<Report> {
  await makeTrafficImage();
  await using cluster = await HostCluster.of(3, { dataPlane: "overlay", images: [TRAFFIC_IMAGE] });
  const { first } = cluster;
  await first.client.createService(webSpec(0));
  await first.murmur("service", "create", "--name", "client", "--mode", "global", TRAFFIC_IMAGE, "sleep", "1000000");
  await whole(cluster, REPLICAS.usual);
  const clients = await eventually(
    "every host has a client",
    () => tasksOf(cluster.hosts, "client"),
    (tasks) => tasks.length === cluster.hosts.length,
    { limitMs: 60_000 },
  );
  const sums: Record<string, Load> = {};
  let rounds = 0;
  const until = performance.now() + ENOUGH_MS;
  while ((rounds < ROUNDS_LEAST || requestsIn(sums) < REQUESTS) && performance.now() < until) {
    rounds += 1;
    const streams = clients.flatMap((client, at) => streamsOf(client, cluster.host((at + 1) % cluster.hosts.length)));
    await sleep(WARM_UP_MS);
    await churn(cluster, rounds);
    await Promise.all(clients.map((client) => client.run("busybox", "killall", "-INT", "wrk")));
    for (const { name, load } of streams) sums[name] = plus(sums[name], await load);
    console.error(`round ${String(rounds)}: ${JSON.stringify(sums)}`);
  }
  return report(sums, rounds);
}

function report(sums: Readonly<Record<string, Load>>, rounds: number): Report {
  const failed = Object.values(sums).reduce((sum, { errors }) => sum + errors, 0);
  const each = Object.entries(sums).flatMap(([name, { requests, errors }]) => [
    [`${name}_requests`, requests],
    [`${name}_failed`, errors],
  ]);
  return {
    bench: "update",
    runs: rounds,
    figures: { requests: requestsIn(sums), failed, ...(Object.fromEntries(each) as Record<string, number>) },
    goals: { requests: { least: REQUESTS }, failed: { most: 0 } },
    notes: [
      `Each round: ${String(REPLICAS.usual)} tasks → ${String(REPLICAS.many)} → ${String(REPLICAS.few)} → ${String(REPLICAS.usual)}, then all replaced, the new before the old.`,
      `From a container on each of three hosts, by the virtual address and by the next host's published ports, one of the kernel and one of its proxy: ${String(CONNECTIONS.keepalive)} connections kept, and ${String(CONNECTIONS.connection)} with one for each request.`,
      `Failed: a connection that was refused, reset or ended before the answer; ${String(SILENCE_S)} s without one; another status than 200.`,
    ],
  };
}

const requestsIn = (sums: Readonly<Record<string, Load>>): number =>
  Object.values(sums).reduce((sum, { requests }) => sum + requests, 0);

const plus = (sum: Load | undefined, load: Load): Load => ({
  perSecond: load.perSecond,
  requests: (sum?.requests ?? 0) + load.requests,
  errors: (sum?.errors ?? 0) + load.errors,
});

function webSpec(round: number, replicas: number = REPLICAS.usual): ServiceSpec {
  const spec = specOf("web", replicas);
  const container = {
    ...spec.TaskTemplate.ContainerSpec,
    Image: TRAFFIC_IMAGE,
    Command: ["sh", "-c", 'echo "$SERVER" >/tmp/haproxy.cfg; exec haproxy -db -f /tmp/haproxy.cfg'],
    Env: [`SERVER=${SERVER}\n`, `ROUND=${String(round)}`],
    StopSignal: "SIGUSR1",
    StopGracePeriod: 30_000_000_000,
    Healthcheck: { Test: HEALTH, Interval: 500_000_000, Timeout: 5_000_000_000, Retries: 20 },
  };
  return {
    ...spec,
    TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: container },
    UpdateConfig: { Parallelism: 1, Order: "start-first", Monitor: 1_000_000_000 },
    EndpointSpec: {
      Ports: [
        { Protocol: "tcp", TargetPort: 80, PublishedPort: PORT },
        { Protocol: "tcp", TargetPort: 80, PublishedPort: PROXY_PORT, Murmur: { Balancing: "least-conn" } },
      ],
    },
  };
}

/** Grows the service, shrinks it, and replaces all of its tasks. */
async function churn(cluster: HostCluster, round: number): Promise<void> {
  for (const replicas of [REPLICAS.many, REPLICAS.few, REPLICAS.usual]) {
    await cluster.first.murmur("service", "scale", "--detach", `web=${String(replicas)}`);
    await whole(cluster, replicas);
  }
  const before = new Set((await runningTasks(cluster.first, "web")).map(({ ID }) => ID));
  await cluster.first.murmur("service", "update", "--detach", "--env-add", `ROUND=${String(round)}`, "web");
  await eventually(
    "all tasks are replaced",
    () => runningTasks(cluster.first, "web"),
    (tasks) => tasks.length === REPLICAS.usual && tasks.every(({ ID }) => !before.has(ID)),
    { limitMs: 300_000 },
  );
  await whole(cluster, REPLICAS.usual);
}

/** So many tasks run, and what is to stop has stopped. */
async function whole({ first, hosts }: HostCluster, replicas: number): Promise<void> {
  await untilRunning(first, "web", replicas);
  await eventually(
    `${String(replicas)} containers run`,
    async () => (await tasksOf(hosts, "web")).length,
    (count) => count === replicas,
    { limitMs: 120_000, everyMs: 500 },
  );
}

interface Stream {
  readonly name: string;
  readonly load: Promise<Load>;
}

function streamsOf(client: TaskContainer, next: Host): readonly Stream[] {
  const at = (port: number): string => `http://${next.address}:${String(port)}/`;
  const urls = { vip: "http://web:80/", port: at(PORT), proxy: at(PROXY_PORT) };
  return Object.entries(urls).flatMap(([way, url]) =>
    USES.map((use) => {
      const load = wrk(client, url, use);
      // Awaited when the round is over.
      load.catch(() => {});
      return { name: `${way}_${use}`, load };
    }),
  );
}

async function wrk(client: TaskContainer, url: string, use: Use): Promise<Load> {
  const load = [`-c${String(CONNECTIONS[use])}`, "-t1", `-d${String(WRK_S)}`, "--timeout", `${String(SILENCE_S)}s`];
  const header = use === "connection" ? ["-H", "Connection: close"] : [];
  const command = ["docker", "exec", client.id, "wrk", ...load, ...header, url];
  return loadOf(await client.host.run(command, { timeoutMs: WRK_S * 1_000 }));
}
