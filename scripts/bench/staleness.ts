import type { Service, ServiceSpec } from "@murmur/api";
import type { Host } from "../../test/hosts/host.ts";
import { CLIENT_IMAGE, HostCluster, WEB_IMAGE } from "../../test/hosts/host-cluster.ts";
import { percentile, rounded, type Report } from "./report.ts";
import { specOf } from "./services.ts";
import { occupy } from "./staleness/post.ts";
import { hostPart, QUIET_MS, REPLICAS, Striker, WAYS, type Staleness, type Target } from "./staleness/striker.ts";

const KILLS = Number(process.env["STALENESS_KILLS"] ?? 200);
/** On a busy machine there are fewer. */
const KILLING_MS = 600_000;
/** Killed at the same moment, of different services. */
const TOGETHER = 2;
const CUTS = 6;
/** By virtual address, with a published port; and by name only. */
const VIP_SERVICES = 6;
const NAME_SERVICES = 2;
const FIRST_PORT = 8_001;

/** How long tasks that are gone without a word are still chosen. */
export async function staleness(): Promise<Report> {
  await using cluster = await HostCluster.of(3, { dataPlane: "overlay", images: [WEB_IMAGE, CLIENT_IMAGE] });
  const targets = await createServices(cluster.first);
  using striker = new Striker(cluster, targets, await occupy(cluster));
  const kills: Staleness[] = [];
  const until = performance.now() + KILLING_MS;
  while (kills.length < KILLS && performance.now() < until) {
    const turn = targets.slice(kills.length % targets.length).slice(0, TOGETHER);
    kills.push(...(await striker.kill(turn)));
    if (kills.length % 20 === 0) tell(`${String(kills.length)} of ${String(KILLS)} kills`, kills.slice(-20));
  }
  const cuts: Staleness[] = [];
  while (cuts.length < CUTS) {
    cuts.push(await striker.cut(cluster.host(cuts.length % cluster.hosts.length)));
    tell(`${String(cuts.length)} of ${String(CUTS)} cuts`, cuts.slice(-1));
  }
  return report(kills, cuts, striker.overruns);
}

const tell = (what: string, last: readonly Staleness[]): void =>
  console.error(`${what}: ${last.map((one) => worst(one).toFixed(2)).join(" ")} s`);

function report(kills: readonly Staleness[], cuts: readonly Staleness[], overruns: number): Report {
  return {
    bench: "staleness",
    runs: CUTS,
    figures: { kills: kills.length, ...figuresOf("kill", kills), ...figuresOf("host_cut", cuts) },
    goals: { kills: { least: KILLS }, kill_s_p99: { most: 1 }, host_cut_s_p99: { most: 3 } },
    notes: [
      `Three hosts as containers, each with an engine of its own, on one machine. ${String(kills.length)} containers killed, ${String(TOGETHER)} at a time; a host cut off ${String(CUTS)} times.`,
      "From the kill, or the cut, until the last time that any remaining node chose what was gone: by DNS, a client's virtual address or a published port.",
      `Each node is asked every 10 ms by each way, and a task is one of ${String(REPLICAS)}: nothing was seen for another ${String(QUIET_MS)} ms. Times that the kernel had more flows to tell of than were taken: ${String(overruns)}.`,
    ],
  };
}

const worst = (of: Staleness): number => Math.max(...Object.values(of));

function figuresOf(what: string, all: readonly Staleness[]): Record<string, number> {
  const samples = all.map(worst);
  return {
    [`${what}_s_p50`]: rounded(percentile(samples, 0.5)),
    [`${what}_s_p90`]: rounded(percentile(samples, 0.9)),
    [`${what}_s_p99`]: rounded(percentile(samples, 0.99)),
    [`${what}_s_max`]: rounded(Math.max(...samples)),
    ...Object.fromEntries(
      WAYS.map((way) => [
        `${what}_${way}_s_p99`,
        rounded(
          percentile(
            all.flatMap((one) => one[way] ?? []),
            0.99,
          ),
        ),
      ]),
    ),
  };
}

async function createServices({ client }: Host): Promise<readonly Target[]> {
  const vips = Array.from({ length: VIP_SERVICES }, (_none, at) =>
    restarting(specOf(`web${String(at)}`, REPLICAS, FIRST_PORT + at)),
  );
  const named = Array.from({ length: NAME_SERVICES }, (_none, at) =>
    restarting(specOf(`named${String(at)}`, REPLICAS)),
  );
  for (const spec of vips) await client.createService(spec);
  for (const spec of named) await client.createService({ ...spec, EndpointSpec: { Mode: "dnsrr" } });
  const ask = specOf("client", 0);
  const container = { ...ask.TaskTemplate.ContainerSpec, Image: CLIENT_IMAGE, Command: ["sleep", "1000000"] };
  await client.createService({
    ...ask,
    TaskTemplate: { ...ask.TaskTemplate, ContainerSpec: container },
    Mode: { Global: {} },
  });
  const services = await client.services();
  return [...vips, ...named].map(({ Name: name = "" }) =>
    targetOf(
      name,
      services.find(({ Spec }) => Spec.Name === name),
    ),
  );
}

const restarting = (spec: ServiceSpec): ServiceSpec => ({
  ...spec,
  TaskTemplate: { ...spec.TaskTemplate, RestartPolicy: { Condition: "any", Delay: 500_000_000 } },
});

function targetOf(name: string, service: Service | undefined): Target {
  const [vip] = service?.Endpoint?.VirtualIPs ?? [];
  const [port] = service?.Endpoint?.Ports ?? [];
  const domain = "murmur.internal";
  if (vip === undefined) return { name, names: [`${name}.${domain}`, `tasks.${name}.${domain}`] };
  return {
    name,
    ...(vip.Addr !== undefined && { vip: hostPart(vip.Addr) }),
    ...(port?.PublishedPort !== undefined && { port: port.PublishedPort }),
    names: [`tasks.${name}.${domain}`],
  };
}
