import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConnectionStream, type StreamResult } from "../hosts/connection-stream.ts";
import { firstAnswer, isEmpty, isPartOf } from "../hosts/first-answer.ts";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { CLIENT_IMAGE, HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { tasksOf, type TaskContainer } from "../hosts/task-container.ts";

/** Answers with its host name. When it is told to stop it finishes what it has, as a good server does. */
const SERVER = [
  'const page = require("node:os").hostname() + "\\n";',
  'const server = require("node:http").createServer((_, answer) => answer.setHeader("connection", "close").end(page));',
  'process.on("SIGTERM", () => server.close(() => process.exit()));',
  "server.listen(80);",
].join("\n");
/** The tasks borrow the host's Node.js. */
const BORROWED = ["/usr", "/lib", "/lib64"]
  .flatMap((path) => ["--mount", `type=bind,source=${path},target=${path},readonly`])
  .concat("--entrypoint", "/usr/local/lib/murmur/node");
/** Without a health check a task counts as soon as its process runs, before it listens. */
const HEALTH = ["--health-cmd", "nc 127.0.0.1 80 </dev/null", "--health-interval", "500ms"];
let cluster: HostCluster;
/** One on each host, so that every host's rules are looked at. */
let clients: readonly TaskContainer[];
let vip: string;

beforeAll(async () => {
  cluster = await HostCluster.of(3, { dataPlane: "overlay", images: [WEB_IMAGE, CLIENT_IMAGE] });
  const { first } = cluster;
  await first.murmur("network", "create", "back");
  await first.murmur("network", "create", "--attachable", "--subnet", "10.99.0.0/24", "tools");
  const web = ["service", "create", "--name", "web", "--replicas", "3", "--network", "back", "--publish", "8080:80"];
  await first.murmur(...web, "--restart-delay", "1s", ...HEALTH, ...BORROWED, WEB_IMAGE, "-e", SERVER);
  const client = ["service", "create", "--name", "client", "--mode", "global", "--network", "back"];
  await first.murmur(...client, "--stop-grace-period", "0s", CLIENT_IMAGE, "sleep", "1000000");
  clients = await tasksOf(cluster.hosts, "client");
  vip = await firstAnswer("web has an address", () => addressOf("web"), isEmpty);
  expect(vip).toMatch(/^[0-9.]+$/);
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function addressOf(name: string, client: TaskContainer | undefined = clients[0]): Promise<string> {
  if (client === undefined) throw new Error("there are clients");
  return (await client.inside("dig", "+search", "+short", name)).stdout.trim();
}

/** One stream from each host's client by the virtual address, and one from the host by its own published port. */
const streams = (hosts: readonly Host[]): readonly ConnectionStream[] => [
  ...clients
    .filter(({ host }) => hosts.includes(host))
    .map(({ host, netns }) => new ConnectionStream(host, { netns, host: vip, port: 80 })),
  ...hosts.map((host) => new ConnectionStream(host, { host: host.address, port: 8080 })),
];

/** Lets connections be made while something is done, and a little before and after. */
async function underway(
  work: () => Promise<unknown>,
  hosts: readonly Host[] = cluster.hosts,
): Promise<readonly StreamResult[]> {
  const all = streams(hosts);
  await sleep(2_000);
  try {
    await work();
    await sleep(2_000);
  } finally {
    await Promise.allSettled(all.map((stream) => stream.end()));
  }
  return Promise.all(all.map((stream) => stream.end()));
}

const failuresOf = (results: readonly StreamResult[]): readonly string[] => results.flatMap(({ failures }) => failures);
const nameOf = ({ id }: TaskContainer): string => id.slice(0, 12);
const namesOf = (tasks: readonly TaskContainer[]): readonly string[] => tasks.map(nameOf).toSorted();
/** Waits until so many tasks of a service run on these hosts, and none that are to be stopped. */
const running = (
  hosts: readonly Host[],
  count: number,
  service = "web",
  options?: { readonly limitMs: number },
): Promise<readonly TaskContainer[]> =>
  eventually(
    `${String(count)} tasks of ${service} run`,
    async () => {
      const { stdout } = await (hosts[0] ?? cluster.first).run([
        "murmur",
        "service",
        "ls",
        "--filter",
        `name=${service}`,
      ]);
      return stdout.includes(` ${String(count)}/${String(count)} `) ? tasksOf(hosts, service) : [];
    },
    (tasks) => tasks.length === count,
    options,
  );

/** Whoever answers by a client's virtual address, in so many connections; "failed" for one that nobody does in time. */
async function answering(client: TaskContainer, { count = 24, limitS = 5 } = {}): Promise<readonly string[]> {
  const wget = `timeout ${String(limitS)} wget -q -O - http://web/`;
  const script = `for i in $(seq ${String(count)}); do ${wget} || echo failed; done`;
  const { code, stdout, stderr } = await client.inside("sh", "-c", script);
  if (code !== 0) throw new Error(`${client.name} could not ask: ${stderr}`);
  return [...new Set(stdout.trim().split("\n"))].toSorted();
}

/** Every client is given these tasks, and no others, by name and by virtual address; new ones are offered. */
async function holdsOnly(tasks: readonly TaskContainer[], askers: readonly TaskContainer[]): Promise<void> {
  const addresses = tasks.map((task) => task.addressIn("back")).toSorted();
  for (const client of askers) {
    const look = async (): Promise<readonly string[]> => (await addressOf("tasks.web", client)).split("\n").toSorted();
    expect(await firstAnswer("the name has them", look, isPartOf(addresses))).toEqual(addresses);
    // Nobody else answers from now on, and none fails; once in some thousand times chance leaves one of them out.
    const names = namesOf(tasks);
    const found = async (): Promise<readonly string[]> => {
      const answers = await answering(client);
      expect(names).toEqual(expect.arrayContaining([...answers]));
      return answers;
    };
    let all = await found();
    for (let again = 0; again < 3 && all.length < names.length; again += 1) all = await found();
    expect(all).toEqual(names);
  }
}

/** Of a client's new connections none fails any more, nor ends at one of these; one that hangs is not waited for. */
const avoids = (client: TaskContainer, gone: readonly string[]): Promise<unknown> =>
  eventually(
    "only the others answer",
    () => answering(client, { count: 12, limitS: 1 }),
    (names) => !names.some((name) => gone.includes(name) || name === "failed"),
    SOON,
  );

/** Doctor finds nothing on any host that is up, whoever is asked. */
const clean = (hosts: readonly Host[]): Promise<unknown> =>
  eventually(
    "doctor finds nothing",
    () => Promise.all(hosts.map((host) => host.run(["murmur", "doctor"]))),
    (answers) => answers.every(({ code }) => code === 0),
    SOON,
  );

/** The id of the node that a host is now. */
async function nodeOf({ name }: Host): Promise<string> {
  const nodes = await cluster.first.client.nodes();
  const own = nodes.find(({ Description, Status }) => Description?.Hostname === name && Status?.State === "ready");
  if (own === undefined) throw new Error(`${name} is no node that is ready`);
  return own.ID;
}

/** The nodes that had a host's engine make the cluster's networks. */
async function ownersOn(host: Host): Promise<readonly string[]> {
  const label = "murmur.node.id";
  const format = `{{.Label "${label}"}}`;
  return (await host.ok("docker", "network", "ls", "--filter", `label=${label}`, "--format", format)).split("\n");
}

const addressByHand = (host: Host): Promise<string> =>
  host.ok("docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "hand");

/** Runs a container by hand; its address, once all hosts find it there by its name. */
async function runsByHand(host: Host): Promise<string> {
  const run = ["docker", "-H", "unix:///run/murmur/docker.sock", "run", "-d", "--name", "hand", "--network", "tools"];
  await eventually(
    `${host.name} has the network`,
    () => host.run([...run, "--entrypoint", "sleep", CLIENT_IMAGE, "600"]),
    ({ code }) => code === 0,
    SOON,
  );
  const address = await addressByHand(host);
  for (const asker of cluster.hosts) {
    await eventually(
      `${asker.name} finds it`,
      () => asker.resolve("hand.tools.murmur.internal"),
      (found) => found.join() === address,
      SOON,
    );
  }
  return address;
}

describe("an overlay that loses things", () => {
  it("loses no connection when a service grows, shrinks and is updated", async () => {
    const results = await underway(async () => {
      await cluster.first.murmur("service", "scale", "web=6");
      await cluster.first.murmur("service", "scale", "web=1");
      await running(cluster.hosts, 1);
      await cluster.first.murmur("service", "scale", "web=3");
      await cluster.first.murmur("service", "update", "--env-add", "ROUND=2", "--update-order", "start-first", "web");
    });
    expect(failuresOf(results)).toEqual([]);
    for (const { pages } of results) expect(Object.keys(pages).length).toBeGreaterThan(3);
    await holdsOnly(await running(cluster.hosts, 3), clients);
  });

  it("sends nobody to a container that was killed, and to the one that replaces it", async () => {
    const before = await running(cluster.hosts, 3);
    const [victim] = before;
    if (victim === undefined) throw new Error("there are tasks");
    await victim.host.ok("docker", "kill", victim.id);
    for (const client of clients) await avoids(client, [nameOf(victim)]);
    const after = await running(cluster.hosts, 3);
    expect(after.map(({ id }) => id)).not.toContain(victim.id);
    await holdsOnly(after, clients);
  });

  it("carries traffic on while all daemons are down, and adopts the containers when they are back", async () => {
    // However long a daemon takes to come back, what it ran is waited for.
    await cluster.first.murmur("service", "update", "--on-node-loss", "wait", "web");
    const before = await running(cluster.hosts, 3);
    const results = await underway(async () => {
      for (const host of cluster.hosts) await host.killMurmur({ hold: true });
      await sleep(3_000);
      for (const host of cluster.hosts) await host.startMurmur();
      await cluster.settled();
    });
    expect(failuresOf(results)).toEqual([]);
    for (const { pages } of results) expect(Object.keys(pages).toSorted()).toEqual(namesOf(before));
    expect(namesOf(await running(cluster.hosts, 3))).toEqual(namesOf(before));
    await clean(cluster.hosts);
    await holdsOnly(before, clients);
    await cluster.first.murmur("service", "update", "--on-node-loss", "replace", "web");
  });

  it("carries traffic on when a daemon is away for so long that its tasks are replaced", async () => {
    const leader = await cluster.leader();
    const away = cluster.others(leader)[0] ?? leader;
    const rest = cluster.others(away);
    const results = await underway(async () => {
      await away.killMurmur({ hold: true });
      await eventually(
        "others have its tasks",
        () => tasksOf(rest, "web"),
        (tasks) => tasks.length === 3,
      );
      await away.startMurmur();
      await cluster.settled();
      await running(cluster.hosts, 3);
    }, rest);
    expect(failuresOf(results)).toEqual([]);
    clients = await running(cluster.hosts, 3, "client");
    await clean(cluster.hosts);
    await holdsOnly(await running(cluster.hosts, 3), clients);
  });

  it("gives a host that was wiped networks of its own, and finds what is run in them by hand", async () => {
    const { first } = cluster;
    const [wiped = first] = cluster.others(await cluster.leader(), first);
    const before = await runsByHand(wiped);
    const former = await nodeOf(wiped);
    await wiped.killMurmur({ hold: true });
    await wiped.ok("sh", "-c", "rm -rf /var/lib/murmur/*");
    await wiped.startMurmur();
    await eventually(
      "it is known to be down",
      () => first.client.nodes(),
      (nodes) => nodes.some(({ ID, Status }) => ID === former && Status?.State === "down"),
    );
    await cluster.join(wiped);
    const own = await eventually(
      "it is a node again",
      () => nodeOf(wiped),
      (id) => id !== former,
    );
    await eventually(
      "its networks are its own",
      () => ownersOn(wiped),
      (owners) => owners.length > 1 && owners.every((owner) => owner === own),
      SOON,
    );
    // Another node may give its address now.
    expect(await addressByHand(wiped)).toBe("");
    await wiped.ok("docker", "rm", "-f", "hand");
    expect(await runsByHand(wiped)).not.toBe(before);
    // The new node doesn't know the former one's tasks, so these have Docker's grace of 10 s, which a sleep uses up.
    clients = await running(cluster.hosts, 3, "client", { limitMs: 30_000 });
    await first.murmur("node", "rm", "--force", former);
    await cluster.settled();
    await clean(cluster.hosts);
    await holdsOnly(await running(cluster.hosts, 3), clients);
    await wiped.ok("docker", "rm", "-f", "hand");
  });

  it("takes what was run by hand out of the networks of a host that leaves at once, and lets it run on", async () => {
    const { first } = cluster;
    const [leaver = first] = cluster.others(await cluster.leader(), first);
    // A sleep that is a container's first process heeds no signal: it has all of its grace.
    const slow = ["service", "create", "--name", "slow", "--mode", "global", "--stop-grace-period", "20s"];
    await first.murmur(...slow, CLIENT_IMAGE, "sleep", "1000000");
    await running(cluster.hosts, 3, "slow");
    await runsByHand(leaver);
    const left = leaver.run(["murmur", "cluster", "leave"]);
    // Another node may give its address as soon as this one is out.
    await eventually(
      "it has no address any more",
      () => addressByHand(leaver),
      (address) => address === "",
    );
    expect(await tasksOf([leaver], "slow")).toHaveLength(1);
    expect(await left).toMatchObject({ code: 0 });
    expect(await tasksOf([leaver], "slow")).toEqual([]);
    expect(await leaver.ok("docker", "inspect", "--format", "{{.State.Running}}", "hand")).toBe("true");
    await leaver.ok("docker", "rm", "-f", "hand");
    await first.murmur("service", "rm", "slow");
    await cluster.join(leaver);
    await cluster.settled();
    clients = await running(cluster.hosts, 3, "client");
    await clean(cluster.hosts);
  });

  it("sends nobody to a host that is gone", async () => {
    const [task] = await tasksOf(cluster.others(cluster.first), "web");
    if (task === undefined) throw new Error("one of the others runs a task");
    const lost = task.host;
    const rest = cluster.others(lost);
    const gone = namesOf(await tasksOf([lost], "web"));
    execFileSync("docker", ["kill", lost.container.getId()]);
    const askers = clients.filter(({ host }) => host !== lost);
    for (const client of askers) await avoids(client, gone);
    await holdsOnly(await running(rest, 3), askers);
    await clean(rest);
  });
});
