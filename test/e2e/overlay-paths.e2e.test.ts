import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { firstAnswer, isEmpty, isPartOf } from "../hosts/first-answer.ts";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { CLIENT_IMAGE, HOST_PROGRAMS, HostCluster } from "../hosts/host-cluster.ts";
import { Outsider } from "../hosts/outsider.ts";
import { SCTP_ASK, SCTP_ECHO } from "../hosts/sctp.ts";
import { tasksOf, type TaskContainer } from "../hosts/task-container.ts";

const IDLE = ["--stop-grace-period", "0s", CLIENT_IMAGE, "sleep", "1000000"];
const PERL = [...HOST_PROGRAMS, "--entrypoint", "/usr/bin/perl", CLIENT_IMAGE, "-e"];
/** Answers at three ports, at each with its number. */
const THREE_PORTS =
  "for port in 81 82 83; do mkdir -p /tmp/$port; echo $port >/tmp/$port/index.html; httpd -p $port -h /tmp/$port; done; exec sleep 1000000";
const OUTSIDE_IPV6 = "fd77::9";
const hostIpv6 = (host: Host): string => `fd77::${String(1 + cluster.hosts.indexOf(host))}`;

/** As firewalld has it on a host with Docker: the engine's bridges are trusted, the cluster's own ports open, the rest refused. */
const FIREWALLD = `table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority filter + 10; policy accept;
    ct state { established, related } accept
    iifname { "lo", "docker0", "mm*" } accept
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport 7373 accept
    udp dport { 4789, 7373 } accept
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname { "docker0", "mm*" } accept
    reject with icmpx admin-prohibited
  }
}`;
/** Others' rules, in the other kind of tables. The policy is what Docker sets where it switches forwarding on itself. */
const IPTABLES = [
  "iptables -P FORWARD DROP",
  "iptables -A INPUT -s 198.51.100.9 -j DROP",
  "iptables -t nat -A POSTROUTING -s 198.51.100.0/24 -j MASQUERADE",
];

let cluster: HostCluster;
let outsider: Outsider;
const opened = new AsyncDisposableStack();
let rulesBefore: readonly string[];

/** The rules that are not Docker's, nor a cluster's. */
const othersRules = (host: Host): Promise<string> =>
  host.ok("sh", "-c", "nft list table inet firewalld; iptables-save | grep -E '198.51.100|:FORWARD'");

beforeAll(async () => {
  cluster = opened.use(await HostCluster.ofHosts(2, { dataPlane: "overlay", images: [CLIENT_IMAGE] }));
  outsider = opened.use(await Outsider.beside(cluster));
  // The engine gives the devices of a host that is in several networks their names in any order.
  const speakIpv6 = (own: string, address: string): string =>
    `device=$(ip -4 -o address show | grep -F ' ${own}/' | awk '{ print $2 }') && ` +
    `echo 0 >/proc/sys/net/ipv6/conf/$device/disable_ipv6 && ip -6 address add ${address}/64 dev $device`;
  const speak = `mount -o remount,rw /proc/sys && ${speakIpv6(outsider.address, OUTSIDE_IPV6)}`;
  expect((await outsider.run("sh", "-c", speak)).code).toBe(0);
  for (const host of cluster.hosts) {
    const forward = "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding";
    await host.ok("sh", "-c", `${speakIpv6(host.address, hostIpv6(host))} && ${forward}`);
    await host.ok("sh", "-c", `${IPTABLES.join(" && ")} && nft '${FIREWALLD}'`);
  }
  rulesBefore = await Promise.all(cluster.hosts.map(othersRules));
  await cluster.form();
  for (const network of [["--ipv6", "zeta"], ["alpha"], ["--internal", "inside"]])
    await cluster.first.murmur("network", "create", ...network);
  const web = ["--replicas", "2", "--network", "zeta", "--env", "PORT=80", "--publish", "8080:80"];
  const choices = ["published=8081,target=80,balancing=source-hash", "published=8082,target=80,local-first=true"];
  await create("web", ...web, ...choices.flatMap((choice) => ["--publish", choice]), CLIENT_IMAGE);
  await create("client", "--mode", "global", "--network", "zeta", ...IDLE);
});
afterAll(() => opened.disposeAsync());

const create = (name: string, ...args: readonly string[]): Promise<string> =>
  cluster.first.murmur("service", "create", "--name", name, ...args);
const lines = (text: string): readonly string[] => (text === "" ? [] : text.trim().split("\n").toSorted());
async function taskOf(service: string): Promise<TaskContainer> {
  const [task] = await tasksOf(cluster.hosts, service);
  if (task === undefined) throw new Error(`${service} has no task`);
  return task;
}

/** Who answers the outsider at a port of a host's addresses so many times ("": nobody); all saw its own address. */
async function answerers(host: Host, port: number, times = 8): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [at, seen] of [
    [host.address, `::ffff:${outsider.address}`],
    [`[${hostIpv6(host)}]`, OUTSIDE_IPV6],
  ] as const) {
    for (let count = 0; count < times; count += 1) {
      const page = await outsider.page(`http://${at}:${String(port)}/cgi-bin/env`);
      if (page !== "") expect(page).toContain(`REMOTE_ADDR=[${seen}]`);
      found.push(/^HOSTNAME=(.*)$/m.exec(page)?.[1] ?? "");
    }
  }
  return found;
}
const unique = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();
/** A port of a host leads to all of these tasks, as soon as the host has heard of them, and to nobody else. */
async function leads(host: Host, port: number, tasks: readonly TaskContainer[], times?: number): Promise<void> {
  const names = shortIds(tasks);
  const what = `${host.name}'s port ${String(port)} leads to all`;
  expect(unique(await firstAnswer(what, () => answerers(host, port, times), isPartOf(names)))).toEqual(names);
}
const isIpv4 = (address: string): boolean => !address.includes(":");
/** Whether addresses of both families lack some of those that have these IPv4 addresses, and no other is among them. */
const lacksSomeOf =
  (ipv4: readonly string[]) =>
  (found: readonly string[]): boolean =>
    found.length < 2 * ipv4.length && found.filter(isIpv4).every((address) => ipv4.includes(address));
const shortIds = (tasks: readonly TaskContainer[]): readonly string[] =>
  tasks.map(({ id }) => id.slice(0, 12)).toSorted();

describe("the ways to a task, on hosts with rules of others", () => {
  it("lead from every host's IPv4 and IPv6 address to every task, and keep the client's", async () => {
    const tasks = await tasksOf(cluster.hosts, "web");
    expect(new Set(tasks.map(({ host }) => host.name)).size).toBe(2);
    for (const host of cluster.hosts) await leads(host, 8080, tasks);
  });

  it("keep a client with one task where its address says which", async () => {
    for (const family of [4, 6] as const) {
      const found = new Set<string>();
      for (const host of cluster.hosts) {
        const at = family === 4 ? host.address : `[${hostIpv6(host)}]`;
        for (let count = 0; count < 6; count += 1) found.add(await outsider.page(`http://${at}:8081/`));
      }
      expect([...found]).toEqual([expect.stringMatching(/^[0-9a-f]{12}$/)]);
    }
  });

  it("end at a task of the same host where that is preferred, and elsewhere when there is none", async () => {
    const tasks = await tasksOf(cluster.hosts, "web");
    for (const host of cluster.hosts) {
      const own = tasks.filter((task) => task.host === host);
      await leads(host, 8082, own, 3);
    }
    await cluster.first.murmur("service", "scale", "web=1");
    const left = await eventually(
      "one task is left",
      () => tasksOf(cluster.hosts, "web"),
      (found) => found.length === 1,
    );
    // Whoever was to go was withdrawn everywhere before.
    for (const host of cluster.hosts) expect(unique(await answerers(host, 8082, 3))).toEqual(shortIds(left));
    await cluster.first.murmur("service", "scale", "web=2");
  });

  it("are as many as a range of ports has, and differ by the address that was asked", async () => {
    const [first, second] = [cluster.host(0), cluster.host(1)];
    const bound = [`${first.address}:8090:82`, `${second.address}:8090:83`];
    const published = ["9001-9003:81-83", ...bound].flatMap((port) => ["--publish", port]);
    await create("ranged", "--network", "alpha", ...published, CLIENT_IMAGE, "sh", "-c", THREE_PORTS);
    const page = (host: Host, port: number): Promise<string> => {
      const url = `http://${host.address}:${String(port)}/`;
      return firstAnswer(url, () => outsider.page(url), isEmpty);
    };
    for (const host of cluster.hosts) {
      for (const [port, answer] of [
        [9001, "81"],
        [9002, "82"],
        [9003, "83"],
      ] as const)
        expect(await page(host, port)).toBe(answer);
    }
    expect(await page(first, 8090)).toBe("82");
    expect(await page(second, 8090)).toBe("83");
  });

  it("carry SCTP, which these hosts' kernels may not speak themselves", async () => {
    await create("sctp", "--network", "zeta", "--publish", "5000:5000/sctp", ...PERL, SCTP_ECHO);
    await create("asker", "--network", "zeta", ...HOST_PROGRAMS, ...IDLE);
    const asked = (ask: (...command: string[]) => Promise<{ stdout: string }>, address: string): Promise<string> =>
      firstAnswer(
        `somebody answers at ${address}`,
        async () => (await ask("/usr/bin/perl", "-e", SCTP_ASK, address, "5000")).stdout,
        isEmpty,
      );
    const { host } = await taskOf("sctp");
    const [from] = cluster.others(host);
    if (from === undefined) throw new Error("two hosts");
    expect(await asked((...command) => from.run(command), host.address)).toBe(from.address);
    const asker = await taskOf("asker");
    const [vip = ""] = await firstAnswer(
      "the asker finds it",
      async () => lines((await asker.inside("musl-resolve", "sctp")).stdout),
      ({ length }) => length === 0,
    );
    expect(await asked((...command) => asker.inside(...command), vip)).toBe(asker.addressIn("zeta"));
  });
});

describe("names, to musl's resolver", () => {
  const found = async (client: TaskContainer, name: string): Promise<readonly string[]> =>
    lines((await client.inside("musl-resolve", name)).stdout);

  it("are a service's, its tasks', with and without the network and the zone", async () => {
    const tasks = await tasksOf(cluster.hosts, "web");
    const addresses = tasks.map((task) => task.addressIn("zeta"));
    for (const client of await tasksOf(cluster.hosts, "client")) {
      const virtual = await found(client, "web");
      // One of each family.
      expect(virtual).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/), expect.stringMatching(/^fd.*:/)]);
      for (const name of ["web.zeta", "web.murmur.internal", "WEB", "web.zeta.murmur.internal."])
        expect(await found(client, name)).toEqual(virtual);
      const ofTasks = await firstAnswer("all tasks", () => found(client, "tasks.web"), lacksSomeOf(addresses));
      expect(ofTasks).toHaveLength(4);
      expect(ofTasks.filter(isIpv4)).toEqual(addresses.toSorted());
      for (const task of tasks) expect(await found(client, `${task.slot}.web`)).toContain(task.addressIn("zeta"));
    }
  });

  it("are searched in the zone, and denied where there are none", async () => {
    const client = await taskOf("client");
    expect(await client.inside("cat", "/etc/resolv.conf").then(({ stdout }) => stdout)).toContain(
      "search murmur.internal",
    );
    for (const name of ["nobody", "tasks.nobody", "9.web", "ranged", "web.alpha"]) {
      const { code, stdout, stderr } = await client.inside("musl-resolve", name);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(/Name does not resolve/);
    }
  });
});

describe("a container in several networks", () => {
  it("has its default route through the first that isn't internal, whatever the engine has chosen", async () => {
    await create("several", "--network", "inside", "--network", "zeta", "--network", "alpha", ...IDLE);
    const task = await taskOf("several");
    const way = async (): Promise<string> =>
      /via (\S+)/.exec((await task.inside("ip", "route", "show", "default")).stdout)?.[1] ?? "";
    const near = (network: string): string => task.addressIn(network).replace(/\.\d+\.\d+$/, ".");
    expect(await way()).toContain(near("zeta"));
    expect((await task.inside("ping", "-c", "1", "-W", "5", outsider.address)).code).toBe(0);
    const right = await way();
    // The node looks by itself now and then: broken again when it was faster than doctor.
    const broken = async (): Promise<string> => {
      await task.host.run(["nsenter", `--net=${task.netns}`, "ip", "route", "delete", "default"]);
      return (await task.host.run(["murmur", "doctor"])).stdout;
    };
    await expect.poll(broken).toContain(`the IPv4 default route via ${right} is missing`);
    await task.host.murmur("doctor", "--repair");
    expect(await way()).toBe(right);
  });
});

describe("containers that are connected by hand", () => {
  const api = ["docker", "-H", "unix:///run/murmur/docker.sock"];
  const inspected = (host: Host, name: string, field: string): Promise<string> =>
    host.ok("docker", "inspect", "--format", `{{ range .NetworkSettings.Networks }}{{ .${field} }} {{ end }}`, name);

  it("reach tasks and each other from every host, by address and by name", async () => {
    await cluster.first.murmur("network", "create", "--attachable", "--ipv6", "open");
    await create("server", "--network", "open", "--replicas", "2", "--env", "PORT=80", CLIENT_IMAGE);
    const servers = await tasksOf(cluster.hosts, "server");
    const names = shortIds(servers);
    const hands: { host: Host; address: string; ipv6: string; page: (url: string) => Promise<string> }[] = [];
    const hostname = ({ name }: Host): string => `${name}-h`;
    for (const host of cluster.hosts) {
      // By the cluster's name, as soon as it is there.
      const aliases = [
        "--network-alias",
        "hands",
        "--network-alias",
        `${host.name}-alias`,
        "--hostname",
        hostname(host),
      ];
      const options = ["--name", "hand", ...aliases, "--network", "open", "--env", "PORT=80", "--publish", "8099:80"];
      const run = ["run", "--detach", ...options, CLIENT_IMAGE];
      await eventually(
        `${host.name} has heard of the network`,
        () => host.run([...api, "network", "inspect", "open"]),
        ({ code }) => code === 0,
        SOON,
      );
      await host.ok(...api, ...run);
      const address = (await inspected(host, "hand", "IPAddress")).trim();
      const ipv6 = (await inspected(host, "hand", "GlobalIPv6Address")).trim();
      const wget = ["docker", "exec", "hand", "timeout", "5", "wget", "-q", "-O", "-"];
      const page = (url: string): Promise<string> =>
        firstAnswer(
          `${url} answers ${host.name}'s container`,
          async () => (await host.run([...wget, url])).stdout.trim(),
          isEmpty,
        );
      hands.push({ host, address, ipv6, page });
    }
    expect(new Set(hands.map(({ address }) => address)).size).toBe(2);
    for (const { host, address, ipv6, page } of hands) {
      // Those of the tasks, as there are no virtual addresses in it.
      const all = servers.map((task) => task.addressIn("open")).toSorted();
      const found = await firstAnswer(
        `${host.name}'s container finds the tasks`,
        async () => lines((await host.run(["docker", "exec", "hand", "musl-resolve", "server"])).stdout),
        lacksSomeOf(all),
      );
      expect(found.filter(isIpv4)).toEqual(all);
      expect(found).toHaveLength(4);
      for (const text of found) {
        const [url, own] = text.includes(":") ? [`[${text}]`, ipv6] : [text, `::ffff:${address}`];
        expect(await page(`http://${url}/cgi-bin/env`)).toContain(`REMOTE_ADDR=[${own}]`);
      }
      expect(names).toContain(await page("http://server/"));
      expect(await page("http://1.server.open/")).toBe(servers[0]?.id.slice(0, 12));
      expect((await host.run(["docker", "exec", "hand", "musl-resolve", "web"])).stdout).toBe("");
      for (const other of hands) {
        expect(await page(`http://${other.address}/`)).toBe(hostname(other.host));
        expect(await page(`http://[${other.ipv6}]/`)).toBe(hostname(other.host));
      }
      // They listen by now, and where they are nobody has to be told.
      for (const task of servers) {
        expect(await task.page(`http://${address}/cgi-bin/env`)).toContain(
          `REMOTE_ADDR=[::ffff:${task.addressIn("open")}]`,
        );
        expect(await task.page(`http://[${ipv6}]/`)).toBe(hostname(host));
      }
    }
    // By their names, from every host's tasks and from each other.
    const [four, six] = [hands.map(({ address }) => address).toSorted(), hands.map(({ ipv6 }) => ipv6).toSorted()];
    const digs = async (task: TaskContainer, name: string, type: string): Promise<readonly string[]> =>
      lines((await task.inside("dig", "+search", "+short", name, type)).stdout).toSorted();
    for (const task of servers) {
      for (const name of ["hand", "hands", "hands.open"]) {
        const look = (): Promise<readonly string[]> => digs(task, name, "A");
        expect(await firstAnswer(`${task.name} finds ${name}`, look, isPartOf(four))).toEqual(four);
      }
      expect(await digs(task, "hands", "AAAA")).toEqual(six);
      for (const { host, address } of hands) {
        expect(await digs(task, `${host.name}-alias`, "A")).toEqual([address]);
        expect(await digs(task, `${host.name}-h`, "A")).toEqual([address]);
        expect(lines((await task.inside("dig", "+short", "-x", address)).stdout)).toEqual([]);
      }
    }
    for (const { page } of hands) {
      for (const { host } of hands) expect(await page(`http://${host.name}-alias/`)).toBe(hostname(host));
    }
    // The engine publishes their ports as ever.
    for (const { host } of hands) expect(await outsider.page(`http://${host.address}:8099/`)).toBe(hostname(host));
    const refused = await cluster.first.run([...api, "run", "--rm", "--network", "alpha", CLIENT_IMAGE, "true"]);
    expect(refused.stderr).toContain("network alpha is not attachable");
    for (const { host } of hands) await host.ok("docker", "rm", "--force", "hand");
    for (const task of servers) {
      await eventually(
        "their names are gone",
        () => digs(task, "hands", "A"),
        (found) => found.length === 0,
        SOON,
      );
    }
    // An address of one host's share, asked for there and elsewhere.
    const [own, other] = hands;
    if (own === undefined || other === undefined) throw new Error("nobody was connected");
    const chosen = [...api, "run", "--detach", "--name", "hand", "--network", "open", "--ip", own.address];
    expect((await other.host.run([...chosen, "--env", "PORT=80", CLIENT_IMAGE])).stderr).toContain("this node's share");
    const id = await own.host.ok(...chosen, "--env", "PORT=80", CLIENT_IMAGE);
    expect((await inspected(own.host, "hand", "IPAddress")).trim()).toBe(own.address);
    for (const task of servers) {
      // A container runs before it listens.
      const url = `http://${own.address}/`;
      expect(await firstAnswer(url, () => task.page(url), isEmpty)).toBe(id.slice(0, 12));
    }
    await own.host.ok("docker", "rm", "--force", "hand");
    await cluster.first.murmur("service", "rm", "server");
    await eventually(
      "the network can go",
      () => cluster.first.run(["murmur", "network", "rm", "open"]),
      ({ code }) => code === 0,
    );
  });
});

describe("afterwards", () => {
  it("others' rules are what they were, and containers that ended were no errors", async () => {
    await cluster.first.murmur("service", "rm", "ranged", "sctp", "asker", "several");
    await eventually(
      "doctor finds nothing",
      () => cluster.first.run(["murmur", "doctor"]),
      ({ code }) => code === 0,
      SOON,
    );
    expect(await Promise.all(cluster.hosts.map(othersRules))).toEqual(rulesBefore);
    for (const host of cluster.hosts) {
      const { stdout } = await host.run(["grep", "-E", "could not be rendered|was altered", "/var/log/murmur.log"]);
      expect(stdout.split("\n").filter((line) => line.includes("nsenter"))).toEqual([]);
    }
  });
});
