import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { ServiceSpec } from "@murmur/api";
import { codeOf } from "@murmur/base";
import type { EndpointTable, TaskId } from "@murmur/model";
import { eventually, type Host } from "../../test/hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../../test/hosts/host-cluster.ts";
import { median, percentile, rounded, type Report } from "./report.ts";
import { SimulatedNode } from "./rules/simulated-node.ts";

const SERVICES = 200;
const TASKS = 10;
const SIMULATED = 10;
/** Containers of each real node in the same network: in the namespace of each of them the rules are rendered. */
const CLIENTS = 5;
const ROUNDS = Number(process.env["RULES_ROUNDS"] ?? 100);
const IDLE_S = 30;
const NETWORK = "rules";
const KIND = "bench.kind";

/** When which of the simulated nodes had which table. */
interface Seen {
  readonly node: SimulatedNode;
  readonly at: number;
  readonly table: EndpointTable;
}

/** What one node has in force. */
interface InForce {
  readonly version: number;
  readonly renders: number;
  readonly lastRenderMs: number;
}

/** The time from a task's change until every node has rendered it, and what an idle cluster renders. */
export async function rules(): Promise<Report> {
  await using cluster = await HostCluster.of(3, { dataPlane: "overlay" });
  const seen: Seen[] = [];
  await using stack = new AsyncDisposableStack();
  const nodes = await joined(cluster, stack, (one) => seen.push(one));
  await deploy(cluster, nodes);
  console.error("deployed; waiting for an idle cluster");
  await untilQuiet(cluster);
  const before = await Promise.all(cluster.hosts.map(inForce));
  await sleep(IDLE_S * 1_000);
  const after = await Promise.all(cluster.hosts.map(inForce));
  const idle = after.reduce((sum, { renders }, at) => sum + renders - (before[at]?.renders ?? 0), 0);
  const changes: Awaited<ReturnType<typeof changeOne>>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    changes.push(await changeOne(cluster, { nodes, seen, round }));
    if (round % 10 === 9) console.error(`${String(round + 1)} of ${String(ROUNDS)} rounds`);
  }
  const taken = takenOf(await Promise.all(cluster.hosts.map(historyOf)));
  const gone = changes.map((change) => taken(change.gone));
  const come = changes.map((change) => taken(change.come));
  const told = changes.flatMap((change) => [change.gone.told, change.come.told]);
  const renders = changes.flatMap((change) => change.renders);
  const all = [...gone, ...come];
  const slowest = gone.map((ms, at) => ({ round: at + 1, ms })).toSorted((left, right) => right.ms - left.ms);
  console.error(
    `slowest to be gone: ${slowest
      .slice(0, 8)
      .map(({ round, ms }) => `${String(ms)} ms in round ${String(round)}`)
      .join(", ")}`,
  );
  return {
    bench: "rules",
    runs: all.length,
    figures: {
      render_ms_p99: rounded(percentile(all, 0.99)),
      render_ms_p50: rounded(median(all)),
      gone_ms_p50: rounded(median(gone)),
      gone_ms_p99: rounded(percentile(gone, 0.99)),
      come_ms_p50: rounded(median(come)),
      come_ms_p99: rounded(percentile(come, 0.99)),
      told_ms_p50: rounded(median(told)),
      told_ms_p99: rounded(percentile(told, 0.99)),
      one_rendering_ms_p50: rounded(median(renders)),
      one_rendering_ms_p99: rounded(percentile(renders, 0.99)),
      idle_renders: idle,
    },
    goals: { render_ms_p99: { most: 300 }, idle_renders: { most: 0 } },
    notes: [
      `${String(SERVICES)} services × ${String(TASKS)} tasks in one network, on ${String(SIMULATED)} nodes whose engines are in memory, members over real connections; rendered by three hosts with ${String(CLIENTS)} containers each in that network.`,
      "A container ends (gone), and the task in its place starts (come): from that moment to the last of the 13 nodes having rendered it, report, commit and all on the way included; told: to the last simulated node having the table. All on one machine.",
      `Renderings in ${String(IDLE_S)} s without a change: idle_renders.`,
    ],
  };
}

async function joined(
  cluster: HostCluster,
  stack: AsyncDisposableStack,
  onTable: (seen: Seen) => void,
): Promise<readonly SimulatedNode[]> {
  const { first, network } = cluster;
  const look = ["network", "inspect", network.getName(), "-f", "{{(index .IPAM.Config 0).Gateway}}"];
  const { stdout } = await promisify(execFile)("docker", look);
  const gateway = stdout.trim();
  const { joinToken } = await first.client.joinToken();
  const nodes: SimulatedNode[] = [];
  for (let number = 1; number <= SIMULATED; number += 1) {
    const node: SimulatedNode = await SimulatedNode.open({
      name: `simulated${String(number)}`,
      address: `${gateway}:${String(7_400 + number)}`,
      onTable: (table) => onTable({ node, at: Date.now(), table }),
    });
    stack.use(node);
    await node.join(joinToken, `${first.address}:7373`, { [KIND]: "simulated" });
    nodes.push(node);
  }
  await eventually(
    "all nodes are ready",
    () => first.client.nodes(),
    (all) => all.length === SIMULATED + cluster.hosts.length && all.every(({ Status }) => Status?.State === "ready"),
    { limitMs: 120_000 },
  );
  return nodes;
}

const specOf = (name: string, replicas: number, where: "==" | "!="): ServiceSpec => ({
  Name: name,
  TaskTemplate: {
    ContainerSpec: { Image: WEB_IMAGE, StopGracePeriod: 0 },
    Resources: {},
    RestartPolicy: { Condition: "any", Delay: 1_000_000_000 },
    Placement: { Constraints: [`node.labels.${KIND}${where}simulated`] },
    Networks: [{ Target: NETWORK }],
  },
  Mode: { Replicated: { Replicas: replicas } },
});

async function deploy(cluster: HostCluster, nodes: readonly SimulatedNode[]): Promise<void> {
  const { first } = cluster;
  await first.murmur("network", "create", "--subnet", "10.99.0.0/16", NETWORK);
  await create(first, specOf("client", CLIENTS * cluster.hosts.length, "!="));
  for (let number = 0; number < SERVICES; number += 1) {
    await create(first, specOf(`service${String(number)}`, TASKS, "=="));
  }
  const wanted = SERVICES * TASKS + CLIENTS * cluster.hosts.length;
  await eventually(
    "all tasks run",
    async () => nodes.map(({ table }) => idsIn(table).size),
    (counts) => counts.every((count) => count === wanted),
    { limitMs: 300_000 },
  );
}

/** Also where the machine is so busy that nobody hears that it is done. */
async function create(host: Host, spec: ServiceSpec): Promise<void> {
  await eventually(
    `service ${spec.Name ?? ""} is there`,
    () => host.client.createService(spec).catch((error: unknown) => codeOf(error)),
    (answer) => typeof answer !== "string" || answer === "name_conflict",
    { limitMs: 60_000 },
  );
}

const idsIn = (table: EndpointTable | undefined): ReadonlySet<TaskId> =>
  new Set(table?.services.flatMap(({ endpoints }) => endpoints.map(({ taskId }) => taskId)));

/** What is being rendered is rendered, and what is being checked is checked. */
async function untilQuiet(cluster: HostCluster): Promise<void> {
  let last = "";
  await eventually(
    "nothing is rendered for five seconds",
    async () => {
      await sleep(5_000);
      const text = JSON.stringify((await Promise.all(cluster.hosts.map(inForce))).map(({ renders }) => renders));
      const isSame = text === last;
      last = text;
      return isSame;
    },
    (isSame) => isSame,
    { limitMs: 300_000 },
  );
}

async function inForce(host: Host): Promise<InForce> {
  const text = await host.client.metrics();
  const figure = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  return {
    version: figure("murmur_network_table_version"),
    renders: figure("murmur_overlay_renders"),
    lastRenderMs: figure("murmur_overlay_last_render_ms"),
  };
}

/** A change of the table: the moment of its cause, and how long the last simulated node took to have it, in milliseconds. */
interface Moment {
  readonly began: number;
  readonly version: number;
  readonly told: number;
}

/** When each table came into force on a host, by its own log. */
async function historyOf(host: Host): Promise<readonly { readonly version: number; readonly at: number }[]> {
  const { stdout } = await host.run(["grep", "-a", "endpoint table in force", "/var/log/murmur.log"]);
  return [...stdout.matchAll(/^(\S+) .* version=(\d+)$/gm)].map(([, at = "", version]) => ({
    version: Number(version),
    at: Date.parse(at),
  }));
}

/** How long a change took until all nodes had it: that table, or one after it. */
const takenOf =
  (histories: Awaited<ReturnType<typeof historyOf>>[]) =>
  ({ began, version, told }: Moment): number => {
    const rendered = histories.map((history) => history.find((one) => one.version >= version)?.at ?? Number.NaN);
    return Math.max(told, Math.max(...rendered) - began);
  };

/** One container ends, and its task is replaced. */
async function changeOne(
  cluster: HostCluster,
  { nodes, seen, round }: { readonly nodes: readonly SimulatedNode[]; readonly seen: Seen[]; readonly round: number },
): Promise<{ readonly gone: Moment; readonly come: Moment; readonly renders: readonly number[] }> {
  const node = nodes[round % nodes.length];
  const running = node?.engine.containers().filter(({ live }) => live) ?? [];
  const victim = running[(round * 37) % running.length];
  if (node === undefined || victim === undefined) throw new Error("there is nothing to end");
  const { id, serviceId, slot } = victim.request.task;
  seen.length = 0;
  const starts = startsOf(nodes, (task) => task.serviceId === serviceId && task.slot === slot && task.id !== id);
  const began = Date.now();
  victim.exit(1);
  const without = (table: EndpointTable): boolean => !idsIn(table).has(id);
  const gone = await taken(cluster, { nodes, seen, began, isRight: without });
  const { task, at } = await starts;
  const withIt = (table: EndpointTable): boolean => idsIn(table).has(task);
  const come = await taken(cluster, { nodes, seen, began: at, isRight: withIt });
  return { gone, come, renders: [...gone.renders, ...come.renders] };
}

/** The moment at which a task's container starts on one of the simulated nodes. */
async function startsOf(
  nodes: readonly SimulatedNode[],
  isIt: (task: SimulatedTask) => boolean,
): Promise<{ readonly task: TaskId; readonly at: number }> {
  for (;;) {
    for (const { engine } of nodes) {
      const found = engine.containers().find(({ live, request }) => live && isIt(request.task));
      if (found !== undefined) return { task: found.request.task.id, at: Date.now() };
    }
    await sleep(1);
  }
}
type SimulatedTask = ReturnType<SimulatedNode["engine"]["containers"]>[number]["request"]["task"];

async function taken(
  { hosts }: HostCluster,
  {
    nodes,
    seen,
    began,
    isRight,
  }: {
    readonly nodes: readonly SimulatedNode[];
    readonly seen: readonly Seen[];
    readonly began: number;
    readonly isRight: (table: EndpointTable) => boolean;
  },
): Promise<Moment & { readonly renders: readonly number[] }> {
  const firsts = await eventually(
    "every simulated node has the new table",
    async () => nodes.map((node) => seen.find((one) => one.node === node && isRight(one.table))),
    (all) => all.every((one) => one !== undefined),
    { everyMs: 5, limitMs: 60_000 },
  );
  const tables = firsts.filter((one) => one !== undefined);
  const version = Math.min(...tables.map(({ table }) => table.version));
  const told = Math.max(...tables.map(({ at }) => at)) - began;
  const states = await eventually(
    "every host has rendered it",
    () => Promise.all(hosts.map(inForce)),
    (all) => all.every((one) => one.version >= version),
    // To ask often would take time from what is measured.
    { everyMs: 200, limitMs: 60_000 },
  );
  return { began, version, told, renders: states.map(({ lastRenderMs }) => lastRenderMs) };
}
