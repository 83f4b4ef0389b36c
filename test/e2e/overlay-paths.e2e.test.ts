import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type Host } from "../hosts/host.ts";
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

/** Who answers the outsider at a port of a host's addresses so many times; all saw the outsider's own address. */
async function answerers(host: Host, port: number, times = 8): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const [at, seen] of [
    [host.address, `::ffff:${outsider.address}`],
    [`[${hostIpv6(host)}]`, OUTSIDE_IPV6],
  ] as const) {
    for (let count = 0; count < times; count += 1) {
      const page = await outsider.page(`http://${at}:${String(port)}/cgi-bin/env`);
      expect(page).toContain(`REMOTE_ADDR=[${seen}]`);
      found.add(/^HOSTNAME=(.*)$/m.exec(page)?.[1] ?? "");
    }
  }
  return [...found].toSorted();
}
const shortIds = (tasks: readonly TaskContainer[]): readonly string[] =>
  tasks.map(({ id }) => id.slice(0, 12)).toSorted();

describe("the ways to a task, on hosts with rules of others", () => {
  it("lead from every host's IPv4 and IPv6 address to every task, and keep the client's", async () => {
    const tasks = await tasksOf(cluster.hosts, "web");
    expect(new Set(tasks.map(({ host }) => host.name)).size).toBe(2);
    for (const host of cluster.hosts) await expect.poll(() => answerers(host, 8080)).toEqual(shortIds(tasks));
  });

  it("keep a client with one task where its address says which", async () => {
    for (const family of [4, 6] as const) {
      const found = async (): Promise<readonly string[]> => {
        const pages = new Set<string>();
        for (const host of cluster.hosts) {
          const at = family === 4 ? host.address : `[${hostIpv6(host)}]`;
          for (let count = 0; count < 6; count += 1) pages.add(await outsider.page(`http://${at}:8081/`));
        }
        return [...pages];
      };
      await expect.poll(found).toEqual([expect.stringMatching(/^[0-9a-f]{12}$/)]);
    }
  });

  it("end at a task of the same host where that is preferred, and elsewhere when there is none", async () => {
    const tasks = await tasksOf(cluster.hosts, "web");
    for (const host of cluster.hosts)
      await expect.poll(() => answerers(host, 8082, 3)).toEqual(shortIds(tasks.filter((task) => task.host === host)));
    await cluster.first.murmur("service", "scale", "web=1");
    const left = await eventually(
      "one task is left",
      () => tasksOf(cluster.hosts, "web"),
      (found) => found.length === 1,
    );
    for (const host of cluster.hosts) await expect.poll(() => answerers(host, 8082, 3)).toEqual(shortIds(left));
    await cluster.first.murmur("service", "scale", "web=2");
  });

  it("are as many as a range of ports has, and differ by the address that was asked", async () => {
    const [first, second] = [cluster.host(0), cluster.host(1)];
    const bound = [`${first.address}:8090:82`, `${second.address}:8090:83`];
    const published = ["9001-9003:81-83", ...bound].flatMap((port) => ["--publish", port]);
    await create("ranged", "--network", "alpha", ...published, CLIENT_IMAGE, "sh", "-c", THREE_PORTS);
    const page = (host: Host, port: number): Promise<string> =>
      outsider.page(`http://${host.address}:${String(port)}/`);
    for (const host of cluster.hosts) {
      for (const [port, answer] of [
        [9001, "81"],
        [9002, "82"],
        [9003, "83"],
      ] as const)
        await expect.poll(() => page(host, port)).toBe(answer);
    }
    await expect.poll(() => page(first, 8090)).toBe("82");
    await expect.poll(() => page(second, 8090)).toBe("83");
  });

  it("carry SCTP, which these hosts' kernels may not speak themselves", async () => {
    await create("sctp", "--network", "zeta", "--publish", "5000:5000/sctp", ...PERL, SCTP_ECHO);
    await create("asker", "--network", "zeta", ...HOST_PROGRAMS, ...IDLE);
    const asked = (ask: (...command: string[]) => Promise<{ stdout: string }>, address: string): Promise<string> =>
      eventually(
        `somebody answers at ${address}`,
        async () => (await ask("/usr/bin/perl", "-e", SCTP_ASK, address, "5000")).stdout,
        (said) => said !== "",
      );
    const { host } = await taskOf("sctp");
    const [from] = cluster.others(host);
    if (from === undefined) throw new Error("two hosts");
    expect(await asked((...command) => from.run(command), host.address)).toBe(from.address);
    const asker = await taskOf("asker");
    const [vip = ""] = await eventually(
      "the asker finds it",
      async () => lines((await asker.inside("musl-resolve", "sctp")).stdout),
      (found) => found.length > 0,
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
      const ofTasks = await eventually(
        "the tasks have a name",
        () => found(client, "tasks.web"),
        ({ length }) => length === 4,
      );
      expect(ofTasks.filter((address) => !address.includes(":"))).toEqual(addresses.toSorted());
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
    await expect.poll(async () => (await task.inside("ping", "-c", "1", "-W", "5", outsider.address)).code).toBe(0);
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
    for (const host of cluster.hosts) {
      // By the cluster's name, as soon as it is there.
      const aliases = [
        "--network-alias",
        "hands",
        "--network-alias",
        `${host.name}-alias`,
        "--hostname",
        `${host.name}-h`,
      ];
      const options = ["--name", "hand", ...aliases, "--network", "open", "--env", "PORT=80", "--publish", "8099:80"];
      const run = ["run", "--detach", ...options, CLIENT_IMAGE];
      await eventually(
        `a container is connected on ${host.name}`,
        async () => {
          // What an attempt before has left of it.
          await host.run(["docker", "rm", "--force", "hand"]);
          return host.run([...api, ...run]);
        },
        ({ code }) => code === 0,
      );
      const address = (await inspected(host, "hand", "IPAddress")).trim();
      const ipv6 = (await inspected(host, "hand", "GlobalIPv6Address")).trim();
      const page = async (url: string): Promise<string> =>
        (await host.run(["docker", "exec", "hand", "timeout", "15", "wget", "-q", "-O", "-", url])).stdout.trim();
      hands.push({ host, address, ipv6, page });
    }
    expect(new Set(hands.map(({ address }) => address)).size).toBe(2);
    for (const { host, address, ipv6, page } of hands) {
      const found = await eventually(
        `${host.name}'s container finds the tasks`,
        async () => lines((await host.run(["docker", "exec", "hand", "musl-resolve", "server"])).stdout),
        ({ length }) => length === 4,
      );
      // Those of the tasks, as there are no virtual addresses in it.
      expect(found.filter((text) => !text.includes(":"))).toEqual(
        servers.map((task) => task.addressIn("open")).toSorted(),
      );
      for (const text of found) {
        const [url, own] = text.includes(":") ? [`[${text}]`, ipv6] : [text, `::ffff:${address}`];
        await expect.poll(() => page(`http://${url}/cgi-bin/env`)).toContain(`REMOTE_ADDR=[${own}]`);
      }
      await expect.poll(() => page("http://server/")).toBeOneOf([...names]);
      await expect.poll(() => page("http://1.server.open/")).toBeOneOf([...names]);
      expect((await host.run(["docker", "exec", "hand", "musl-resolve", "web"])).stdout).toBe("");
      for (const other of hands) {
        await expect.poll(() => page(`http://${other.address}/`)).not.toBe("");
        await expect.poll(() => page(`http://[${other.ipv6}]/`)).not.toBe("");
      }
      for (const task of servers) {
        await expect
          .poll(() => task.page(`http://${address}/cgi-bin/env`))
          .toContain(`REMOTE_ADDR=[::ffff:${task.addressIn("open")}]`);
        await expect.poll(() => task.page(`http://[${ipv6}]/`)).not.toBe("");
      }
    }
    // By their names, from every host's tasks and from each other.
    const [four, six] = [hands.map(({ address }) => address), hands.map(({ ipv6 }) => ipv6)].map((all) =>
      all.toSorted(),
    );
    const digs = async (task: TaskContainer, name: string, type: string): Promise<readonly string[]> =>
      lines((await task.inside("dig", "+search", "+short", name, type)).stdout).toSorted();
    for (const task of servers) {
      for (const name of ["hand", "hands", "hands.open"]) {
        await eventually(
          `${task.name} finds ${name}`,
          () => digs(task, name, "A"),
          (found) => found.join() === four?.join(),
        );
      }
      expect(await digs(task, "hands", "AAAA")).toEqual(six);
      for (const { host, address } of hands) {
        expect(await digs(task, `${host.name}-alias`, "A")).toEqual([address]);
        expect(await digs(task, `${host.name}-h`, "A")).toEqual([address]);
        expect(lines((await task.inside("dig", "+short", "-x", address)).stdout)).toEqual([]);
      }
    }
    for (const { page } of hands) {
      for (const { host } of hands) await expect.poll(() => page(`http://${host.name}-alias/`)).not.toBe("");
    }
    // The engine publishes their ports as ever.
    for (const { host } of hands) await expect.poll(() => outsider.page(`http://${host.address}:8099/`)).not.toBe("");
    const refused = await cluster.first.run([...api, "run", "--rm", "--network", "alpha", CLIENT_IMAGE, "true"]);
    expect(refused.stderr).toContain("network alpha is not attachable");
    for (const { host } of hands) await host.ok("docker", "rm", "--force", "hand");
    for (const task of servers) {
      await eventually(
        "their names are gone",
        () => digs(task, "hands", "A"),
        (found) => found.length === 0,
      );
    }
    // An address of one host's share, asked for there and elsewhere.
    const [own, other] = hands;
    if (own === undefined || other === undefined) throw new Error("nobody was connected");
    const chosen = [...api, "run", "--detach", "--name", "hand", "--network", "open", "--ip", own.address];
    expect((await other.host.run([...chosen, "--env", "PORT=80", CLIENT_IMAGE])).stderr).toContain("this node's share");
    await own.host.ok(...chosen, "--env", "PORT=80", CLIENT_IMAGE);
    expect((await inspected(own.host, "hand", "IPAddress")).trim()).toBe(own.address);
    for (const task of servers) await expect.poll(() => task.page(`http://${own.address}/`)).not.toBe("");
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
    );
    expect(await Promise.all(cluster.hosts.map(othersRules))).toEqual(rulesBefore);
    for (const host of cluster.hosts) {
      const { stdout } = await host.run(["grep", "-E", "could not be rendered|was altered", "/var/log/murmur.log"]);
      expect(stdout.split("\n").filter((line) => line.includes("nsenter"))).toEqual([]);
    }
  });
});
