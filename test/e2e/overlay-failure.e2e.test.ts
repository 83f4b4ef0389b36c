import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConnectionStream, type StreamResult } from "../hosts/connection-stream.ts";
import { eventually, type Host } from "../hosts/host.ts";
import { CLIENT_IMAGE, HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { tasksOf, type TaskContainer } from "../hosts/task-container.ts";

let cluster: HostCluster;
/** One on each host, so that every host's rules are looked at. */
let clients: readonly TaskContainer[];
let vip: string;

beforeAll(async () => {
  cluster = await HostCluster.of(3, { dataPlane: "overlay", images: [WEB_IMAGE, CLIENT_IMAGE] });
  const { first } = cluster;
  await first.murmur("network", "create", "back");
  const web = ["service", "create", "--name", "web", "--replicas", "3", "--network", "back", "--publish", "8080:80"];
  await first.murmur(...web, "--env", "PORT=80", "--restart-delay", "1s", WEB_IMAGE);
  const client = ["service", "create", "--name", "client", "--mode", "global", "--network", "back"];
  await first.murmur(...client, "--stop-grace-period", "0s", CLIENT_IMAGE, "sleep", "1000000");
  clients = await tasksOf(cluster.hosts, "client");
  vip = await addressOf("web");
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function addressOf(name: string, client: TaskContainer | undefined = clients[0]): Promise<string> {
  if (client === undefined) throw new Error("there are clients");
  return (await client.run("dig", "+search", "+short", name)).stdout.trim();
}

/** One stream from each client by the virtual address, and one by each host's published port. */
const streams = (): readonly ConnectionStream[] => [
  ...clients.map(({ host, netns }) => new ConnectionStream(host, { netns, host: vip, port: 80 })),
  ...cluster.hosts.map((host) => new ConnectionStream(cluster.first, { host: host.address, port: 8080 })),
];

/** Lets connections be made while something is done, and a little before and after. */
async function underway(work: () => Promise<unknown>): Promise<readonly StreamResult[]> {
  const all = streams();
  await sleep(2_000);
  try {
    await work();
    await sleep(2_000);
  } finally {
    await Promise.allSettled(all.map((stream) => stream.end()));
  }
  return Promise.all(all.map((stream) => stream.end()));
}

const nameOf = ({ id }: TaskContainer): string => id.slice(0, 12);
const namesOf = (tasks: readonly TaskContainer[]): readonly string[] => tasks.map(nameOf).toSorted();
const running = (hosts: readonly Host[], count: number): Promise<readonly TaskContainer[]> =>
  eventually(
    `${String(count)} tasks of web run`,
    async () => {
      const { stdout } = await (hosts[0] ?? cluster.first).run(["murmur", "service", "ls"]);
      return stdout.includes(` ${String(count)}/${String(count)} `) ? tasksOf(hosts, "web") : [];
    },
    (tasks) => tasks.length === count,
    { limitMs: 90_000 },
  );

/** Whoever answers by a client's virtual address, in so many connections. */
async function answering(client: TaskContainer, count = 24): Promise<readonly string[]> {
  const script = `for i in $(seq ${String(count)}); do timeout 5 wget -q -O - http://web/ || echo failed; done`;
  const { stdout } = await client.run("sh", "-c", script);
  return [...new Set(stdout.trim().split("\n"))].toSorted();
}

/** Every client is given these tasks, and no others, by name and by virtual address. */
async function holdsOnly(tasks: readonly TaskContainer[], askers: readonly TaskContainer[]): Promise<void> {
  const addresses = tasks.map((task) => task.addressIn("back")).toSorted();
  for (const client of askers) {
    const named = (await addressOf("tasks.web", client)).split("\n").toSorted();
    expect(named).toEqual(addresses);
    expect(await answering(client)).toEqual(namesOf(tasks));
  }
}

const clean = (hosts: readonly Host[]): Promise<unknown> =>
  eventually(
    "doctor finds nothing",
    () => Promise.all(hosts.map((host) => host.murmur("doctor"))),
    (texts) => texts.every((text) => text === texts[0]),
  );

describe("an overlay that loses things", () => {
  it("loses no connection when a service grows, shrinks and is updated", async () => {
    const results = await underway(async () => {
      await cluster.first.murmur("service", "scale", "web=6");
      await cluster.first.murmur("service", "scale", "web=1");
      await running(cluster.hosts, 1);
      await cluster.first.murmur("service", "scale", "web=3");
      await cluster.first.murmur("service", "update", "--env-add", "ROUND=2", "--update-order", "start-first", "web");
    });
    for (const { pages, failures } of results) {
      expect(failures).toEqual([]);
      expect(Object.keys(pages).length).toBeGreaterThan(3);
    }
    await holdsOnly(await running(cluster.hosts, 3), clients);
  });

  it("sends nobody to a container that was killed, and to the one that replaces it", async () => {
    const before = await running(cluster.hosts, 3);
    const [victim] = before;
    if (victim === undefined) throw new Error("there are tasks");
    await victim.host.ok("docker", "kill", victim.id);
    for (const client of clients)
      await eventually(
        "only the others answer",
        () => answering(client),
        (names) => !names.includes(nameOf(victim)) && !names.includes("failed"),
      );
    const after = await eventually(
      "it is replaced",
      () => running(cluster.hosts, 3),
      (tasks) => !tasks.some(({ id }) => id === victim.id),
      { limitMs: 60_000 },
    );
    await holdsOnly(after, clients);
  });

  it("carries traffic on while a daemon is down, and finds nothing wrong when it is back", async () => {
    const before = await running(cluster.hosts, 3);
    const leader = await cluster.leader();
    const victim = cluster.others(leader)[0] ?? leader;
    const results = await underway(async () => {
      await victim.killMurmur();
      await sleep(500);
      await cluster.settled();
    });
    for (const { failures } of results) expect(failures).toEqual([]);
    expect(namesOf(await running(cluster.hosts, 3))).toEqual(namesOf(before));
    for (const host of cluster.hosts) expect(await host.run(["murmur", "doctor"])).toMatchObject({ code: 0 });
    await holdsOnly(before, clients);
  });

  it("sends nobody to a host that is gone", async () => {
    const lost = cluster.host(2);
    const rest = cluster.others(lost);
    const gone = namesOf(await tasksOf([lost], "web"));
    expect(gone.length).toBeGreaterThan(0);
    execFileSync("docker", ["kill", lost.container.getId()]);
    const askers = clients.filter(({ host }) => host !== lost);
    for (const client of askers)
      await eventually(
        "only the others answer",
        () => answering(client),
        (names) => !names.some((name) => gone.includes(name) || name === "failed"),
        { limitMs: 60_000 },
      );
    await holdsOnly(await running(rest, 3), askers);
    await clean(rest);
  });
});
