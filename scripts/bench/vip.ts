import { setTimeout } from "node:timers/promises";
import type { Host } from "../../test/hosts/host.ts";
import { eventually } from "../../test/hosts/host.ts";
import { HostCluster } from "../../test/hosts/host-cluster.ts";
import { tasksOf, type TaskContainer } from "../../test/hosts/task-container.ts";
import { inTurns, loadOf, makeTrafficImage, TRAFFIC_IMAGE, wrkCommand, type Turn, type Use } from "./load.ts";
import { rounded, type Report } from "./report.ts";

/** Half of them for each way of dealing out the roles; an odd number has a median of its own. */
const ROUNDS = 14;
const TURN_S = 1;
/** How long nginx's namespace remembers a closed connection (the kernel's TIME_WAIT), and a bit. */
const FORGOTTEN_MS = 62_000;

/** From a container to a service's virtual address, and beside it to its task's own, on the same host and on another. */
export async function vip(): Promise<Report> {
  await makeTrafficImage();
  await using cluster = await HostCluster.of(3, { dataPlane: "overlay", images: [TRAFFIC_IMAGE] });
  const { first } = cluster;
  await first.murmur("network", "create", "bench");
  await create(first, { name: "near", on: first });
  await create(first, { name: "far", on: cluster.host(1) });
  const one = await client(cluster, "one");
  const other = await client(cluster, "other");
  const before = await inTurns(await turnsOf(cluster, { direct: one, virtual: other }), ROUNDS / 2);
  await setTimeout(FORGOTTEN_MS);
  const after = await inTurns(await turnsOf(cluster, { direct: other, virtual: one }), ROUNDS / 2);
  const rounds = before.and(after);
  /** The geometric mean of both: what one client is slower than the other by cancels out. */
  const ratio = (...ways: Parameters<typeof rounds.ratio>): number =>
    rounded(Math.sqrt(before.ratio(...ways) * after.ratio(...ways)));
  const goal = { least: 0.95 };
  return {
    bench: "vip",
    runs: ROUNDS,
    figures: {
      keepalive_ratio: ratio("near_vip", "near_direct"),
      connection_ratio: ratio("near_vip_once", "near_direct_once"),
      far_keepalive_ratio: ratio("far_vip", "far_direct"),
      far_connection_ratio: ratio("far_vip_once", "far_direct_once"),
      requests_per_s: rounds.perSecond("near_vip"),
      connections_per_s: rounds.perSecond("near_vip_once"),
      far_requests_per_s: rounds.perSecond("far_vip"),
      far_connections_per_s: rounds.perSecond("far_vip_once"),
      requests: rounds.total("requests"),
      errors: rounds.total("errors"),
    },
    goals: {
      keepalive_ratio: goal,
      connection_ratio: goal,
      far_keepalive_ratio: goal,
      far_connection_ratio: goal,
      errors: { most: 0 },
    },
    notes: [
      `wrk in a container, nginx behind: on the same host, and \`far\` on another one; ${String(ROUNDS)} rounds of ${String(TURN_S)} s each way, in turn; medians of the rounds' ratios, and of both halves' medians the geometric mean.`,
      "The direct side's client is a container of its own, with the same rules in its namespace; the two change roles in the middle.",
    ],
  };
}

/** A service of one task in the network `bench`, on one host. */
async function create(
  asked: Host,
  { name, on, command = [] }: { readonly name: string; readonly on: Host; readonly command?: readonly string[] },
): Promise<void> {
  const constraint = `node.hostname==${on.name}`;
  const args = ["--name", name, "--network", "bench", "--constraint", constraint, "--stop-grace-period", "0s"];
  await asked.murmur("service", "create", ...args, TRAFFIC_IMAGE, ...command);
}

async function client(cluster: HostCluster, name: string): Promise<TaskContainer> {
  await create(cluster.first, { name, on: cluster.first, command: ["sleep", "1000000"] });
  return onlyTask(cluster, name);
}

interface Clients {
  readonly direct: TaskContainer;
  readonly virtual: TaskContainer;
}

async function turnsOf(cluster: HostCluster, clients: Clients) {
  const to = (service: string, use: Use) => turnsTo(cluster, service, { ...clients, use });
  const near = await to("near", "keepalive");
  const nearOnce = await to("near", "connection");
  const far = await to("far", "keepalive");
  const farOnce = await to("far", "connection");
  return {
    near_direct: near.direct,
    near_vip: near.virtual,
    near_direct_once: nearOnce.direct,
    near_vip_once: nearOnce.virtual,
    far_direct: far.direct,
    far_vip: far.virtual,
    far_direct_once: farOnce.direct,
    far_vip_once: farOnce.virtual,
  };
}

async function onlyTask(cluster: HostCluster, service: string): Promise<TaskContainer> {
  const [task] = await tasksOf(cluster.hosts, service);
  if (task === undefined) throw new Error(`${service} has no task`);
  return task;
}

async function turnsTo(
  cluster: HostCluster,
  service: string,
  clients: Clients & { readonly use: Use },
): Promise<{ readonly direct: Turn; readonly virtual: Turn }> {
  const own = (await onlyTask(cluster, service)).addressIn("bench");
  const shared = await addressOf(clients.virtual, service);
  if (shared === own) throw new Error(`${service} has no address of its own`);
  const turn =
    (from: TaskContainer, address: string): Turn =>
    async () =>
      loadOf(await from.run(...wrkCommand(`http://${address}:80/`, clients.use, TURN_S)));
  return { direct: turn(clients.direct, own), virtual: turn(clients.virtual, shared) };
}

/** What the name stands for in a container, once a page comes from there. */
async function addressOf(asker: TaskContainer, name: string): Promise<string> {
  const { stdout } = await eventually(
    `${name} answers`,
    () => asker.run("sh", "-c", `wget -q -O /dev/null http://${name}/ && nslookup ${name}`),
    ({ code }) => code === 0,
    { limitMs: 60_000 },
  );
  // The first address is the server's own.
  const address = /Name:.*\nAddress(?: \d+)?: *(\S+)/.exec(stdout)?.[1];
  if (address === undefined) throw new Error(`${name} has no address: ${stdout}`);
  return address;
}
