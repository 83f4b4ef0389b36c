import { setTimeout as sleep } from "node:timers/promises";
import type { DoctorReport } from "@murmur/api";
import { messageOf } from "@murmur/base";
import type { Host } from "./host.ts";
import { CLIENT_IMAGE, HostCluster, WEB_IMAGE } from "./host-cluster.ts";
import { tasksOf, type TaskContainer } from "./task-container.ts";

/** A way in which hosts lose sight of each other. Returns what heals it. */
interface Partition {
  readonly name: string;
  begin(hosts: readonly Host[], leader: Host, round: number): Promise<() => Promise<unknown>>;
}

async function alone(host: Host): Promise<() => Promise<unknown>> {
  await host.cut();
  return () => host.heal();
}

/** One of them, another one each time. */
function turn<T>(items: readonly T[], round: number): T {
  const item = items[round % items.length];
  if (item === undefined) throw new Error("nobody is left");
  return item;
}

const PARTITIONS: readonly Partition[] = [
  { name: "the leader is cut off", begin: (_hosts, leader) => alone(leader) },
  {
    name: "two hosts don't see each other",
    async begin(hosts, _leader, round) {
      const [left, right] = [turn(hosts, round), turn(hosts, round + 1)];
      await Promise.all([left.cutFrom(right), right.cutFrom(left)]);
      return () => Promise.all([left.healFrom(right), right.healFrom(left)]);
    },
  },
  {
    name: "a host hears nothing of another, which hears it",
    async begin(hosts, leader, round) {
      const others = hosts.filter((host) => host !== leader);
      // Now the leader is deaf to another one, now another one to the leader.
      const other = turn(others, round);
      const [deaf, unheard] = Math.floor(round / PARTITIONS.length) % 2 === 0 ? [other, leader] : [leader, other];
      await deaf.cutFrom(unheard);
      return () => deaf.healFrom(unheard);
    },
  },
  {
    name: "another host is cut off",
    begin: (hosts, leader, round) => {
      const others = hosts.filter((host) => host !== leader);
      return alone(turn(others, Math.floor(round / PARTITIONS.length)));
    },
  },
];

export interface Healed {
  readonly partition: string;
  /** From the heal until doctor found nothing on any host and all clients reached all tasks, and only them. */
  readonly cleanMs: number;
  /** What was still wrong at the last look; empty, unless the limit was reached. */
  readonly problems: readonly string[];
  /** What was wrong before that, as it was seen: milliseconds after the heal, and the first of the problems. */
  readonly course: readonly string[];
}

export interface RoundOptions {
  readonly cutMs: number;
  readonly limitMs: number;
}

/** How long a command of the churn may take: one on a host that is cut off gets nowhere. */
const COMMAND_S = 5;

/** A cluster of the overlay whose services change all the time, which is parted and healed again and again. */
export class PartedCluster implements AsyncDisposable {
  readonly cluster: HostCluster;
  #rounds = 0;
  #changes = 0;

  private constructor(cluster: HostCluster) {
    this.cluster = cluster;
  }

  static async open(): Promise<PartedCluster> {
    const cluster = await HostCluster.of(3, { dataPlane: "overlay", images: [WEB_IMAGE, CLIENT_IMAGE] });
    const create = ["service", "create", "--stop-grace-period", "0s", "--restart-delay", "500ms", "--network", "back"];
    await cluster.first.murmur("network", "create", "back");
    const web = ["--name", "web", "--replicas", "3", "--publish", "8080:80", "--env", "PORT=80", WEB_IMAGE];
    await cluster.first.murmur(...create, ...web);
    const client = ["--name", "client", "--mode", "global", CLIENT_IMAGE, "sleep", "1000000"];
    await cluster.first.murmur(...create, ...client);
    return new PartedCluster(cluster);
  }

  /** Parts the cluster while its services change, heals it, and waits until all is right again. */
  async round({ cutMs, limitMs }: RoundOptions): Promise<Healed> {
    const { cluster } = this;
    const round = this.#rounds;
    this.#rounds += 1;
    const partition = turn(PARTITIONS, round);
    const churn = new AbortController();
    const changed = this.#churn(churn.signal);
    let start: number;
    try {
      const heal = await partition.begin(cluster.hosts, await cluster.leader(), round);
      await sleep(cutMs);
      churn.abort();
      await heal();
      start = performance.now();
    } finally {
      churn.abort();
      await changed;
    }
    const course: string[] = [];
    for (;;) {
      const problems = await this.#problems().catch((error: unknown) => [messageOf(error)]);
      const cleanMs = performance.now() - start;
      const [first] = problems;
      if (first === undefined || cleanMs > limitMs) return { partition: partition.name, cleanMs, problems, course };
      course.push(
        `${cleanMs.toFixed(0)} ms: ${first}${problems.length > 1 ? `, and ${String(problems.length - 1)} more` : ""}`,
      );
      await sleep(100);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cluster[Symbol.asyncDispose]();
  }

  /** One change after the other, on each host in turn; what a host refuses or can't do now is left undone. */
  async #churn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const change = this.#changes;
      this.#changes += 1;
      const side = String(Math.floor(change / CHANGES) % 8);
      const host = turn(this.cluster.hosts, change);
      for (const command of turn(CHANGE_COMMANDS, change)(side, change))
        await host.run(["timeout", String(COMMAND_S), "murmur", ...command]);
    }
  }

  /** A line of `service ls`, and what its tasks that should run are doing. */
  async #unfinished(line: string): Promise<readonly string[]> {
    const [id = ""] = line.split(/\s+/);
    const tasks = await this.cluster.first.murmur("service", "ps", "--no-trunc", id);
    return [
      [line, ...tasks.split("\n").filter((task) => !/ (?:Running|Shutdown) {2,}Running| Shutdown /.test(task))].join(
        " | ",
      ),
    ];
  }

  /** What isn't as it should be, a line each. */
  async #problems(): Promise<readonly string[]> {
    const { hosts } = this.cluster;
    const sick = (await Promise.all(hosts.map(findings))).flat();
    if (sick.length > 0) return sick;
    const services = await this.cluster.first.murmur("service", "ls");
    const unfinished = services.split("\n").filter((line) => {
      const [, running, wanted] = /\s([0-9]+)\/([0-9]+)\s/.exec(line) ?? [];
      return running !== wanted;
    });
    if (unfinished.length > 0) return (await Promise.all(unfinished.map((line) => this.#unfinished(line)))).flat();
    const [tasks, clients] = await Promise.all([tasksOf(hosts, "web"), tasksOf(hosts, "client")]);
    if (clients.length !== hosts.length) return [`there are ${String(clients.length)} clients`];
    return (await Promise.all(clients.map((client) => unreached(client, tasks)))).flat();
  }
}

/** What is done in turn: about a service beside, in a network of its own, `web` grows, shrinks and is replaced. */
const CHANGE_COMMANDS: readonly ((side: string, change: number) => readonly (readonly string[])[])[] = [
  () => [["service", "scale", "--detach", "web=5"]],
  (side) => [["network", "create", `side${side}`], createSide(side).split(" ")],
  () => [["service", "scale", "--detach", "web=2"]],
  (_side, change) => [["service", "update", "--detach", "--env-add", `ROUND=${String(change)}`, "web"]],
  (side) => [
    ["service", "rm", `side${side}`],
    ["network", "rm", `side${side}`],
  ],
  () => [["service", "scale", "--detach", "web=3"]],
];
const CHANGES = CHANGE_COMMANDS.length;

const createSide = (side: string): string =>
  `service create --detach --name side${side} --replicas 2 --stop-grace-period 0s --network side${side} --network back ` +
  `--publish 909${side}:80 --env PORT=80 ${WEB_IMAGE}`;

/** What doctor says on a host of all of them, a line each. */
async function findings(host: Host): Promise<readonly string[]> {
  const { stdout, stderr } = await host.run(["timeout", "30", "murmur", "doctor", "--format", "json"]);
  if (stdout === "") return [`${host.name}: doctor says nothing: ${stderr.trim()}`];
  const { nodes } = JSON.parse(stdout) as DoctorReport;
  return nodes.flatMap(({ hostname, state, differences }) => [
    ...(state === "checked" ? [] : [`${host.name}: ${hostname} is ${state}`]),
    ...differences.map(({ where, what }) => `${host.name}: ${hostname}: ${where}: ${what}`),
  ]);
}

/** Connections by the virtual address, beside one to each task. */
const BY_NAME = 8;

/** What a client is told of the tasks by name, whether each of them answers it, and who does by the virtual address. */
async function unreached(client: TaskContainer, tasks: readonly TaskContainer[]): Promise<readonly string[]> {
  const pages = tasks.map((task) => [task.addressIn("back"), task.id.slice(0, 12)] as const);
  const fetch = (what: string): string => `timeout 3 wget -q -O - http://${what}/ || echo failed`;
  const script = [
    "dig +search +short tasks.web",
    "echo ==",
    ...pages.map(([address]) => fetch(address)),
    "echo ==",
    ...Array.from({ length: BY_NAME }, () => fetch("web")),
  ].join("\n");
  const { stdout } = await client.inside("sh", "-c", script);
  const [named = [], direct = [], chosen = []] = stdout
    .split("==\n")
    .map((part) => part.split("\n").filter((line) => line !== ""));
  const where = `${client.host.name}'s client`;
  const wanted = pages.map(([address]) => address).toSorted();
  const names = pages.map(([, name]) => name);
  return [
    ...(named.toSorted().join() === wanted.join()
      ? []
      : [`${where} is told ${named.join()}, there are ${wanted.join()}`]),
    ...(direct.join() === names.join() ? [] : [`${where} gets ${direct.join()} of ${names.join()}`]),
    ...chosen.filter((name) => !names.includes(name)).map((name) => `${where} gets ${name} by the virtual address`),
  ];
}
