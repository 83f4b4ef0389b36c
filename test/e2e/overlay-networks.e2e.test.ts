import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { firstAnswer, hasGaps, isEmpty, isPartOf } from "../hosts/first-answer.ts";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { CLIENT_IMAGE, HOST_PROGRAMS, HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { Outsider } from "../hosts/outsider.ts";
import { echo } from "../hosts/requests.ts";
import { tasksOf, type TaskContainer } from "../hosts/task-container.ts";

const IDLE = ["--stop-grace-period", "0s", CLIENT_IMAGE, "sleep", "1000000"];
const WEB = ["--env", "PORT=80", CLIENT_IMAGE];
/** Networks of the engine that no task needs go when the agent next lists its containers: each 30 s. */
const TIDIED = { limitMs: 40_000 } as const;
let cluster: HostCluster;
let outsider: Outsider;
const opened = new AsyncDisposableStack();

beforeAll(async () => {
  cluster = opened.use(await HostCluster.of(3, { dataPlane: "overlay", images: [WEB_IMAGE, CLIENT_IMAGE] }));
  outsider = opened.use(await Outsider.beside(cluster));
  for (const network of [["front"], ["back"], ["--internal", "inside"], ["--ipv6", "dual"]])
    await cluster.first.murmur("network", "create", ...network);
});
afterAll(() => opened.disposeAsync());

const create = (name: string, ...args: readonly string[]): Promise<string> =>
  cluster.first.murmur("service", "create", "--name", name, ...args);
async function taskOf(service: string): Promise<TaskContainer> {
  const [task] = await tasksOf(cluster.hosts, service);
  if (task === undefined) throw new Error(`${service} has no task`);
  return task;
}
const asked = async (task: TaskContainer, ...words: readonly string[]): Promise<string> =>
  (await task.inside("dig", "+search", "+short", ...words)).stdout.trim();
/** The one address of a name, for a task: its node hears of it a moment after others. */
async function address(task: TaskContainer, ...words: readonly string[]): Promise<string> {
  const name = words.join(" ");
  const found = await firstAnswer(`${name} has an address for ${task.name}`, () => asked(task, ...words), isEmpty);
  expect([name, found]).toEqual([name, expect.stringMatching(/^[0-9a-f.:]+$/)]);
  return found;
}
/** A page for a task is one that these tasks give, as soon as its node has heard of them. */
async function gives(task: TaskContainer, url: string, givers: readonly TaskContainer[]): Promise<void> {
  const page = await firstAnswer(`${url} answers ${task.name}`, () => task.page(url), isEmpty);
  expect([url, page]).toEqual([url, expect.toBeOneOf(givers.map(({ id }) => id.slice(0, 12)))]);
}
/** The address that a task saw; "" when it has given no page. */
const seen = (page: string): string =>
  page === "" ? "" : (/^REMOTE_ADDR=\[(?:::ffff:)?(.*)\]$/m.exec(page)?.[1] ?? "none");
/** Waits until a node has heard of an attachable network. */
const heard = (host: Host, network: string): Promise<unknown> =>
  eventually(
    `${host.name} has heard of ${network}`,
    () => host.run(["docker", "-H", "unix:///run/murmur/docker.sock", "network", "inspect", network]),
    ({ code }) => code === 0,
    SOON,
  );
/** Removes a network that guests were in: the nodes tell each other a moment later that they are gone. */
const gone = (network: string): Promise<unknown> =>
  eventually(
    `${network} can go`,
    () => cluster.first.run(["murmur", "network", "rm", network]),
    ({ code }) => code === 0,
    SOON,
  );
const clean = (): Promise<unknown> =>
  eventually(
    "doctor finds nothing",
    () => cluster.first.run(["murmur", "doctor"]),
    ({ code }) => code === 0,
    SOON,
  );

describe("networks of an overlay cluster", () => {
  it("join a service that is in several, by all its names in each", async () => {
    await create("both", "--replicas", "2", "--network", "front", "--network", "name=back,alias=other", ...WEB);
    await create("one", "--network", "front", ...IDLE);
    await create("two", "--network", "back", ...IDLE);
    const [one, two] = [await taskOf("one"), await taskOf("two")];
    const boths = await tasksOf(cluster.hosts, "both");
    for (const client of [one, two]) {
      await gives(client, "http://both/", boths);
      await gives(client, "http://2.both/", boths.slice(1));
    }
    await gives(two, "http://other/", boths);
    expect(await asked(one, "other")).toBe("");
    expect(await address(one, "both")).not.toBe(await address(two, "both"));
    expect(await one.page(`http://${await address(two, "both")}/`)).toBe("");
    for (const both of boths) {
      expect(await address(both, "one")).toBe(await address(one, "one"));
      expect(await address(both, "two")).toBe(await address(two, "two"));
    }
  });

  it("name the services of a container's own stack first", async () => {
    const stack = (name: string) => [
      "--label",
      `com.docker.stack.namespace=${name}`,
      "--network",
      "name=back,alias=web",
    ];
    for (const name of ["blog", "shop"]) await create(`${name}_web`, ...stack(name), ...IDLE);
    const [blog, shop] = [await taskOf("blog_web"), await taskOf("shop_web")];
    for (const [client, own, other] of [
      [blog, "blog", "shop"],
      [shop, "shop", "blog"],
    ] as const) {
      expect(await address(client, "web")).toBe(await address(client, `${own}_web`));
      expect(await address(client, `web.${other}`)).toBe(await address(client, `${other}_web`));
    }
    expect(await address(blog, "web")).not.toBe(await address(shop, "web"));
  });

  it("are joined and left by updates", async () => {
    await cluster.first.murmur("service", "update", "--network-add", "back", "--network-rm", "front", "one");
    const one = await taskOf("one");
    await gives(one, "http://other/", await tasksOf(cluster.hosts, "both"));
    expect(() => one.addressIn("front")).toThrow();
    await clean();
  });

  it("let tasks out to others, and forward names outside", async () => {
    const two = await taskOf("two");
    expect((await two.inside("ping", "-c", "1", "-W", "5", outsider.address)).code).toBe(0);
    expect(await asked(two, "host2")).toBe(cluster.host(1).address);
    await create("hidden", "--network", "inside", ...IDLE);
    await create("seeker", "--network", "inside", ...WEB);
    const hidden = await taskOf("hidden");
    await gives(hidden, "http://seeker/", [await taskOf("seeker")]);
    expect((await hidden.inside("ping", "-c", "1", "-W", "2", outsider.address)).code).not.toBe(0);
  });

  it("answer on published ports also where a host has no task, and of a service in several", async () => {
    await create("single", "--network", "back", "--publish", "8080:80", ...WEB);
    await cluster.first.murmur("service", "update", "--publish-add", "8081:80", "both");
    for (const host of cluster.hosts) {
      for (const port of ["8080", "8081"]) {
        const urls = Array.from({ length: 4 }, () => `http://${host.address}:${port}/cgi-bin/env`);
        const look = async (): Promise<readonly string[]> => (await outsider.pages(urls)).map(seen);
        const own = urls.map(() => outsider.address);
        expect(await firstAnswer(`${host.name} answers at ${port}`, look, hasGaps(own))).toEqual(own);
      }
    }
  });

  it("leave a service in its nodes' own network to them, and are joined and left by it", async () => {
    const port = ["--publish", "mode=host,published=8099,target=8099"];
    await create("hosted", "--mode", "global", "--network", "host", ...port, "--env", "PORT=8099", CLIENT_IMAGE);
    await create("alone", "--network", "none", ...IDLE);
    for (const host of cluster.hosts) {
      // A task runs before it listens.
      const look = () => outsider.page(`http://${host.address}:8099/cgi-bin/env`).then(seen);
      expect(await firstAnswer(`${host.name}'s own port answers`, look, isEmpty)).toBe(outsider.address);
    }
    expect((await (await taskOf("alone")).inside("ip", "-4", "-o", "addr")).stdout).not.toContain("eth0");
    expect(await asked(await taskOf("two"), "hosted")).toBe("");
    await clean();
    await cluster.first.murmur("service", "update", "--network-add", "back", "--network-rm", "none", "alone");
    await address(await taskOf("two"), "alone");
    await cluster.first.murmur("service", "update", "--network-add", "none", "--network-rm", "back", "alone");
    expect(await asked(await taskOf("two"), "alone")).toBe("");
    await clean();
  });

  it("go as soon as no service is in them, and make room for others of their name and subnet", async () => {
    const make = ["network", "create", "-d", "overlay", "--subnet", "10.77.0.0/24", "leaving"];
    const docker = ["docker", "-H", "unix:///run/murmur/docker.sock"];
    await cluster.first.ok(...docker, ...make);
    // They stay until they are let go.
    const script = "trap '' TERM; until [ -e /tmp/go ]; do sleep 0.2; done";
    const slow = ["--stop-grace-period", "5m", "--network", "leaving", CLIENT_IMAGE, "sh", "-c", script];
    await create("lingers", "--mode", "global", ...slow);
    const lingering = await tasksOf(cluster.hosts, "lingers");
    expect(lingering).toHaveLength(3);
    await cluster.first.ok(...docker, "service", "rm", "lingers");
    await cluster.first.ok(...docker, "network", "rm", "leaving");
    expect((await cluster.first.run([...docker, ...make])).stderr).toContain("until its last tasks have stopped");
    expect((await tasksOf(cluster.hosts, "lingers")).map(({ id }) => id)).toEqual(lingering.map(({ id }) => id));
    for (const task of lingering) await task.host.ok("docker", "exec", task.id, "touch", "/tmp/go");
    await eventually(
      "the subnet is free",
      () => cluster.first.run([...docker, ...make]),
      ({ code }) => code === 0,
    );
    await create("after", "--mode", "global", "--network", "leaving", ...WEB);
    const afters = await tasksOf(cluster.hosts, "after");
    for (const after of afters) await gives(after, `http://${await address(after, "after")}/`, afters);
    await cluster.first.murmur("service", "rm", "after");
    await cluster.first.murmur("network", "rm", "leaving");
    for (const host of cluster.hosts)
      await eventually(
        `${host.name} has nothing left of it`,
        () => host.ok("docker", "network", "ls", "--format", "{{.Name}}"),
        (names) => !names.includes("murmur.leaving."),
        TIDIED,
      );
    await clean();
  });

  it("are made by each node's engine with its own settings where their driver is one of a node", async () => {
    const docker = ["docker", "-H", "unix:///run/murmur/docker.sock"];
    const subnets = ["10.81.1.0/24", "10.81.2.0/24"];
    const configured = cluster.hosts.slice(0, 2);
    for (const [at, host] of configured.entries())
      await host.ok(...docker, "network", "create", "--config-only", "--subnet", subnets[at] ?? "", "lan-conf");
    const made = ["--driver", "bridge", "--scope", "swarm", "--config-from", "lan-conf"];
    await cluster.first.ok(...docker, "network", "create", ...made, "lan");
    expect(
      await cluster
        .host(2)
        .ok(...docker, "network", "ls", "--filter", "name=lan", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"),
    ).toBe("lan bridge swarm");
    const noWait = ["--detach", "--restart-condition", "none"];
    await create("lans", "--mode", "global", "--network", "lan", "--network", "back", ...noWait, ...WEB);
    const lacks = cluster.host(2).name;
    await eventually(
      "the node without the settings says so",
      () => cluster.first.ok(...docker, "service", "ps", "--no-trunc", "--format", "{{.Node}} {{.Error}}", "lans"),
      (text) => text.includes(`${lacks} "this node has no configuration network lan-conf, which network lan takes`),
    );
    const tasks = await eventually(
      "the others run",
      () => tasksOf(cluster.hosts, "lans"),
      (all) => all.length === 2,
    );
    for (const task of tasks) {
      const own = subnets[configured.indexOf(task.host)]?.replace("0/24", "");
      expect((await task.inside("ip", "-4", "-o", "addr")).stdout).toContain(` ${own ?? "?"}`);
      const all = tasks.map((one) => one.addressIn("back")).toSorted();
      const look = async (): Promise<readonly string[]> => (await asked(task, "tasks.lans")).split("\n").toSorted();
      expect(await firstAnswer(`${task.name} finds all`, look, isPartOf(all))).toEqual(all);
    }
    expect((await cluster.first.run([...docker, "network", "rm", "lan"])).stderr).toContain("in use by service lans");
    await create("lonely", "--network", "lan", "--constraint", `node.hostname==${cluster.host(1).name}`, ...IDLE);
    expect((await (await taskOf("lonely")).inside("ip", "-4", "-o", "addr", "show", "eth0")).stdout).toContain(
      " 10.81.2.",
    );
    await cluster.first.murmur("service", "rm", "lans", "lonely");
    await cluster.first.ok(...docker, "network", "rm", "lan");
    for (const host of configured) {
      await eventually(
        `${host.name}'s engine has it no more`,
        () => host.ok("docker", "network", "ls", "--format", "{{.Name}}"),
        (names) => !names.includes("murmur.lan."),
        TIDIED,
      );
      await host.ok("docker", "network", "rm", "lan-conf");
    }
    await clean();
  });

  it("take containers by hand where each node has one of its own and they are attachable", async () => {
    const docker = ["docker", "-H", "unix:///run/murmur/docker.sock"];
    const configured = cluster.hosts.slice(0, 2);
    for (const [at, host] of configured.entries())
      await host.ok(...docker, "network", "create", "--config-only", "--subnet", `10.82.${at}.0/24`, "open-conf");
    const made = ["-d", "bridge", "--scope", "swarm", "--config-from", "open-conf"];
    await cluster.first.ok(...docker, "network", "create", ...made, "closed");
    await cluster.first.ok(...docker, "network", "create", ...made, "--attachable", "open");
    const guest = (network: string) => [...docker, "run", "-d", "--name", "guest", "--network", network];
    const sleep = ["--entrypoint", "sleep", CLIENT_IMAGE, "600"];
    const closed = await cluster.first.run([...guest("closed"), ...sleep]);
    expect(closed.stderr).toContain("network closed is not attachable");
    await heard(cluster.host(2), "open");
    expect((await cluster.host(2).run([...guest("open"), ...sleep])).stderr).toContain(
      "no configuration network open-conf",
    );
    const here = configured[1] ?? cluster.first;
    await heard(here, "open");
    await here.ok(...guest("open"), "--ip", "10.82.1.77", ...sleep);
    await here.ok(...docker, "restart", "-t", "0", "guest");
    expect(await here.ok("docker", "exec", "guest", "ip", "-4", "-o", "addr")).toContain(" 10.82.1.77/24 ");
    expect(await here.ok(...docker, "network", "inspect", "-f", "{{len .Containers}}", "open")).toBe("1");
    await here.ok(...docker, "network", "disconnect", "open", "guest");
    await here.ok(...docker, "network", "connect", "open", "guest");
    await here.ok("docker", "rm", "-f", "guest");
    await cluster.first.ok(...docker, "network", "rm", "closed");
    await gone("open");
    for (const host of configured) {
      await eventually(
        `${host.name}'s engine has it no more`,
        () => host.ok("docker", "network", "ls", "--format", "{{.Name}}"),
        (names) => !names.includes("murmur.open."),
        TIDIED,
      );
      await host.ok("docker", "network", "rm", "open-conf");
    }
    await clean();
  });

  it("keep the addresses that they are told to keep", async () => {
    const docker = ["docker", "-H", "unix:///run/murmur/docker.sock"];
    const kept = ["--aux-address", "printer=10.83.0.2", "--aux-address", "scanner=10.83.0.18", "--ipam-opt", "a=b"];
    const subnet = ["--subnet", "10.83.0.0/27", "--ip-range", "10.83.0.0/29", "--attachable"];
    await cluster.first.ok(...docker, "network", "create", "-d", "overlay", ...subnet, ...kept, "kept");
    await create("keepers", "--replicas", "4", "--network", "kept", ...IDLE);
    const own = (await tasksOf(cluster.hosts, "keepers")).map((task) => task.addressIn("kept"));
    expect(own).toHaveLength(4);
    expect(own).not.toContain("10.83.0.2");
    const shown = await cluster.host(1).ok(...docker, "network", "inspect", "-f", "{{json .IPAM}}", "kept");
    expect(JSON.parse(shown)).toMatchObject({
      Options: { a: "b" },
      Config: [{ AuxiliaryAddresses: { printer: "10.83.0.2", scanner: "10.83.0.18" } }],
    });
    // Of the first node's share, .16 to .23, its engine gives this one to nobody.
    const guests = ["one", "two", "three"].map((name) => `kept-${name}`);
    const run = ["run", "-d", "--network", "kept", "--entrypoint", "sleep"];
    for (const name of guests) await cluster.first.ok(...docker, ...run, "--name", name, CLIENT_IMAGE, "600");
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    const addresses = await cluster.first.ok("docker", "inspect", "-f", format, ...guests);
    expect(addresses.split("\n")).not.toContain("10.83.0.18");
    await cluster.first.ok("docker", "rm", "-f", ...guests);
    await cluster.first.murmur("service", "rm", "keepers");
    await gone("kept");
    await clean();
  });

  it("carry UDP by published ports, with the client's own address", async () => {
    const program =
      'use Socket; use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 5353, Proto => "udp"); while (my $from = $s->recv(my $said, 2048)) { my ($port, $at) = sockaddr_in($from); $s->send("$said " . inet_ntoa($at), 0, $from); }';
    const perl = ["--entrypoint", "/usr/bin/perl", WEB_IMAGE, "-e", program];
    await create("echo", "--network", "back", "--publish", "5353:5353/udp", ...HOST_PROGRAMS, ...perl);
    // This machine's address in the network of the hosts.
    const own = cluster.first.address.replace(/\d+$/, "1");
    for (const host of cluster.hosts) {
      const look = (): Promise<string> => echo(host, 5353, "ping").catch(() => "");
      expect(await firstAnswer(`${host.name} echoes`, look, isEmpty)).toBe(`ping ${own}`);
    }
  });

  it("carry IPv6 beside IPv4, also on hosts that switch it off for new devices", async () => {
    await create("six", "--replicas", "2", "--network", "dual", ...WEB);
    await create("peer", "--mode", "global", "--network", "dual", ...IDLE);
    for (const peer of await tasksOf(cluster.hosts, "peer")) {
      const listed = async (name: string, count: number): Promise<readonly string[]> => {
        const look = async () => (await asked(peer, "AAAA", name)).split("\n").filter((line) => line !== "");
        const found = await firstAnswer(`${name} has its addresses`, look, ({ length }) => length < count);
        expect(found).toHaveLength(count);
        return found;
      };
      const [own, all] = [await listed("tasks.peer", 3), await listed("tasks.six", 2)];
      for (const found of [await address(peer, "AAAA", "six"), ...all]) {
        expect(found).toMatch(/^fd/);
        const look = () => peer.page(`http://[${found}]/cgi-bin/env`).then(seen);
        expect(own).toContain(await firstAnswer(`${found} answers`, look, isEmpty));
      }
      await gives(peer, `http://${await address(peer, "A", "six")}/`, await tasksOf(cluster.hosts, "six"));
    }
    await clean();
  });

  it("are there again after an engine was killed", async () => {
    const single = await taskOf("single");
    const { host } = single;
    await host.killEngine();
    // It ends what ran before it when it starts, which takes it some seconds; then there is the delay of a restart, 5 s.
    await eventually(
      "the task is replaced",
      () => taskOf("single"),
      ({ id }) => id !== single.id,
      { limitMs: 30_000 },
    );
    await eventually(
      "everybody answers through every host",
      async () => {
        const hosts = cluster.hosts.map(({ address }) => address);
        const pages = hosts.flatMap((address) => [`http://${address}:8080/`, `http://${address}:8081/`]);
        return outsider.pages(pages);
      },
      (pages) => pages.every((page) => page !== ""),
    );
    await clean();
  });

  it("are right again after a host was cut off, whatever changed meanwhile", async () => {
    const lost = cluster.others(await cluster.leader())[0] ?? cluster.first;
    const rest = cluster.others(lost);
    const [asker] = rest;
    if (asker === undefined) throw new Error("three hosts");
    await lost.cut();
    try {
      await eventually(
        "it is down",
        () => asker.murmur("node", "ls"),
        (text) => text.includes("Down"),
        SOON,
      );
      await asker.murmur("service", "create", "--name", "late", "--network", "back", "--publish", "8082:80", ...WEB);
      await asker.murmur("service", "rm", "echo");
    } finally {
      await lost.heal();
    }
    await cluster.settled();
    for (const port of ["8080", "8081", "8082"]) {
      const look = () => outsider.page(`http://${lost.address}:${port}/cgi-bin/env`).then(seen);
      const what = `port ${port} answers through the host that was cut off`;
      expect(await firstAnswer(what, look, isEmpty)).toBe(outsider.address);
    }
    await clean();
  });
});
