import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { eventually, type Host } from "../../test/hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../../test/hosts/host-cluster.ts";
import { median, rounded, type Report } from "./report.ts";
import { specOf, untilRunning } from "./services.ts";

const TOOLS_IMAGE = "murmur/dns-tools:latest";
const NAME = "web.murmur.internal";
const TASKS = 3;
const PORT = 7353;
const ROUNDS = 5;
const ROUND_S = 4;
const CLIENTS = 4;
const OUTSTANDING = 100;

interface Server {
  readonly address: string;
  readonly port: number;
}

interface Round {
  readonly qps: number;
  readonly p99Ms: number;
}

/** In the `ports` data plane a name has an address for each node: one, so that both answer with as much. */
const DOCKER_TASKS = 1;

/** One node, with the engine's own DNS and the node's both asked from one container on it for the same name. */
export async function dns(): Promise<Report> {
  await promisify(execFile)(resolve(import.meta.dirname, "dns-image"));
  await using cluster = await HostCluster.of(1);
  const host = cluster.first;
  await cluster.first.client.createService(specOf("web", TASKS));
  await untilRunning(host, "web", TASKS);
  await loadImage(host, TOOLS_IMAGE);
  await listenOnAll(host);
  const gateway = await startClient(host);
  const servers = { docker: { address: "127.0.0.11", port: 53 }, murmur: { address: gateway, port: PORT } };
  await eventually(
    "both servers answer",
    () => Promise.all(Object.values(servers).map((server) => dnsperf(host, server, 1))),
    (rounds) => rounds.every(({ qps }) => qps > 100),
    { limitMs: 60_000 },
  );
  const docker: Round[] = [];
  const murmur: Round[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const turns = [
      async () => docker.push(await dnsperf(host, servers.docker, ROUND_S)),
      async () => murmur.push(await dnsperf(host, servers.murmur, ROUND_S)),
    ];
    // Each goes first in turn: what else the machine does changes slowly.
    for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn();
  }
  const of = (rounds: readonly Round[], figure: keyof Round): number => median(rounds.map((round) => round[figure]));
  const ratio = (figure: keyof Round): number => rounded(of(murmur, figure) / of(docker, figure));
  return {
    bench: "dns",
    runs: ROUNDS,
    figures: {
      qps_ratio_to_docker: ratio("qps"),
      p99_ratio_to_docker: ratio("p99Ms"),
      qps: Math.round(of(murmur, "qps")),
      docker_qps: Math.round(of(docker, "qps")),
      p99_ms: rounded(of(murmur, "p99Ms")),
      docker_p99_ms: rounded(of(docker, "p99Ms")),
    },
    goals: { qps_ratio_to_docker: { least: 1.3 }, p99_ratio_to_docker: { most: 1 } },
    notes: [
      `dnsperf, ${String(CLIENTS)} clients, ${String(OUTSTANDING)} outstanding, in a container; ${NAME} with one address; medians of ${String(ROUNDS)} rounds of ${String(ROUND_S)} s each way, in turn.`,
      "Rates without, latencies with dnsperf's list of every answer, which slows both.",
    ],
  };
}

/** Starts the node's daemon again, its DNS server open to containers. */
async function listenOnAll(host: Host): Promise<void> {
  await host.killMurmur({ hold: true });
  const daemon = `echo $$ >/run/murmur-node/murmur.pid; exec murmur daemon --dns-addr 0.0.0.0:${String(PORT)} >>/var/log/murmur.log 2>&1`;
  await promisify(execFile)("docker", ["exec", "-d", host.container.getId(), "sh", "-c", daemon]);
  await untilRunning(host, "web", TASKS);
}

/** The container that asks, on a network of the engine with a container of the same name; the host's address there. */
async function startClient(host: Host): Promise<string> {
  await host.ok("docker", "network", "create", "bench");
  for (let task = 0; task < DOCKER_TASKS; task += 1) {
    await host.ok("docker", "run", "-d", "--network", "bench", "--network-alias", NAME, WEB_IMAGE);
  }
  await host.ok("docker", "run", "-d", "--name", "client", "--network", "bench", TOOLS_IMAGE);
  await host.ok("docker", "exec", "client", "sh", "-c", `echo ${NAME} A >/tmp/names`);
  return await host.ok("docker", "network", "inspect", "bench", "-f", "{{(index .IPAM.Config 0).Gateway}}");
}

async function dnsperf(host: Host, server: Server, seconds: number): Promise<Round> {
  const command = [
    `dnsperf -s ${server.address} -p ${String(server.port)} -d /tmp/names`,
    `-c ${String(CLIENTS)} -q ${String(OUTSTANDING)} -l ${String(seconds)}`,
  ].join(" ");
  const client = (script: string): Promise<string> => host.ok("docker", "exec", "client", "sh", "-c", script);
  const text = await client(command);
  const qps = Number(/Queries per second:\s+([\d.]+)/.exec(text)?.[1] ?? 0);
  // Its last column: seconds.
  const latencies = await client(
    `${command} -v | awk '/^> NOERROR/ { print $NF }' | sort -n >/tmp/latencies; wc -l </tmp/latencies`,
  );
  const p99 = await client(`awk 'NR == ${String(Math.ceil(Number(latencies) * 0.99))}' /tmp/latencies`);
  return { qps, p99Ms: Number(p99) * 1_000 };
}

/** Brings an image of this machine's engine to the host's. */
async function loadImage(host: Host, image: string): Promise<void> {
  const script = 'docker save "$1" | docker exec -i "$0" docker load';
  const load = spawn("sh", ["-c", script, host.container.getId(), image], { stdio: "ignore" });
  const [code] = (await once(load, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${host.name} did not take the image ${image}`);
}
