import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { eventually, type Host } from "../../test/hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../../test/hosts/host-cluster.ts";
import type { Errand, Took } from "./api/asker.ts";
import { percentile, rounded, type Report } from "./report.ts";

const SERVICES = 500;
const REPLICAS = 10;
/** Each creates so many services before the other does. */
const CREATED_A_TURN = 50;
const ROUNDS = 10;
const ASKED_A_TURN = 30;
/** The newest that both speak: the tests' engine is Docker 20.10. */
const VERSION = "v1.41";
const PATHS = { services: `/${VERSION}/services`, tasks: `/${VERSION}/tasks` } as const;
type List = keyof typeof PATHS;
const LISTS = Object.keys(PATHS) as readonly List[];

/** A Docker API on a host. */
interface Api {
  readonly host: Host;
  readonly socket: string;
}

/**
 * Lists and creations over Docker's API: a manager of Murmur's, in a cluster of three, and a manager of Docker Swarm on an
 * engine of its own, both with services whose tasks wait for a node with a label that none has.
 */
export async function api(): Promise<Report> {
  await using cluster = await HostCluster.of(3);
  const { first } = cluster;
  const alone = await cluster.addHost("swarm");
  await alone.ok("docker", "swarm", "init", "--advertise-addr", alone.address);
  const apis = {
    murmur: { host: first, socket: "/run/murmur/docker.sock" },
    docker: { host: alone, socket: "/var/run/docker.sock" },
  } as const satisfies Record<string, Api>;
  const created = { murmur: [] as number[], docker: [] as number[] };
  for (let from = 0; from < SERVICES; from += CREATED_A_TURN)
    for (const name of ["murmur", "docker"] as const)
      created[name].push(...(await create(apis[name], from, CREATED_A_TURN)).ms);
  for (const which of Object.values(apis)) await untilAllTasks(which);
  const took = {
    murmur: { services: [] as number[], tasks: [] as number[] },
    docker: { services: [] as number[], tasks: [] as number[] },
  };
  for (let round = 0; round <= ROUNDS; round += 1)
    for (const list of LISTS)
      for (const name of round % 2 === 0 ? (["murmur", "docker"] as const) : (["docker", "murmur"] as const)) {
        const { host, socket } = apis[name];
        const { ms } = await ask(host, { socket, method: "GET", path: PATHS[list], times: ASKED_A_TURN });
        // The first round is for the programs to warm up.
        if (round > 0) took[name][list].push(...ms);
      }
  const p99Ratio = (list: List): number => percentile(took.murmur[list], 0.99) / percentile(took.docker[list], 0.99);
  const figures: Record<string, number> = {
    services_p99_ratio: p99Ratio("services"),
    tasks_p99_ratio: p99Ratio("tasks"),
    create_ms_p50: percentile(created.murmur, 0.5),
    create_ms_p99: percentile(created.murmur, 0.99),
    docker_create_ms_p50: percentile(created.docker, 0.5),
    docker_create_ms_p99: percentile(created.docker, 0.99),
  };
  for (const list of LISTS)
    for (const [name, times] of Object.entries(took)) {
      figures[`${name}_${list}_ms_p50`] = percentile(times[list], 0.5);
      figures[`${name}_${list}_ms_p99`] = percentile(times[list], 0.99);
    }
  return {
    bench: "api",
    runs: ROUNDS * ASKED_A_TURN,
    figures: Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value)])),
    goals: { services_p99_ratio: { most: 1 }, tasks_p99_ratio: { most: 1 }, create_ms_p50: { most: 20 } },
    notes: [
      `${String(SERVICES)} services, ${String(SERVICES * REPLICAS)} tasks that no node may run; ${String(ROUNDS)} rounds in turn, ${String(ASKED_A_TURN)} requests each on one connection, the whole body read, in a process on the manager's host.`,
      "Murmur: a cluster of three managers, asked on the first. Docker: a swarm of one manager, an engine of its own on a fourth host.",
    ],
  };
}

const specOf = (at: number): object => ({
  Name: `service-${String(at).padStart(3, "0")}`,
  Labels: { team: `team-${String(at % 7)}` },
  Mode: { Replicated: { Replicas: REPLICAS } },
  TaskTemplate: {
    ContainerSpec: { Image: WEB_IMAGE, Env: ["MODE=production"] },
    Placement: { Constraints: ["node.labels.bench==nowhere"] },
  },
});

const create = ({ host, socket }: Api, from: number, count: number): Promise<Took> =>
  ask(host, {
    socket,
    method: "POST",
    path: `/${VERSION}/services/create`,
    bodies: Array.from({ length: count }, (_none, nth) => specOf(from + nth)),
  });

/** Sends an errand from a process on the host. */
async function ask(host: Host, errand: Errand): Promise<Took> {
  const asker = await readFile(resolve(import.meta.dirname, "api/asker.ts"), "utf8");
  const node = [
    "/usr/local/lib/murmur/node",
    "--input-type=module-typescript",
    "--disable-warning=ExperimentalWarning",
  ];
  return JSON.parse(await host.ok(...node, "--eval", asker, "--", JSON.stringify(errand))) as Took;
}

async function untilAllTasks({ host, socket }: Api): Promise<void> {
  await eventually(
    `${host.name} has made all tasks`,
    () => ask(host, { socket, method: "GET", path: PATHS.tasks }),
    ({ entries }) => entries === SERVICES * REPLICAS,
    { limitMs: 120_000, everyMs: 1_000 },
  );
}
