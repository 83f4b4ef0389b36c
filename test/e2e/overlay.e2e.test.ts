import type { DoctorReport } from "@murmur/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { firstAnswer, hasGaps, isPartOf } from "../hosts/first-answer.ts";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { CLIENT_IMAGE, HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { Outsider } from "../hosts/outsider.ts";
import { fetching, pagesOf } from "../hosts/pages.ts";
import { tasksOf, type TaskContainer } from "../hosts/task-container.ts";

const SUBNET = "10.99.0.0/24";
let cluster: HostCluster;
let outsider: Outsider;
const opened = new AsyncDisposableStack();
/** What each host's iptables had before there was a cluster. */
let rulesBefore: readonly string[];

beforeAll(async () => {
  cluster = opened.use(await HostCluster.ofHosts(3, { dataPlane: "overlay", images: [WEB_IMAGE, CLIENT_IMAGE] }));
  outsider = opened.use(await Outsider.beside(cluster));
  rulesBefore = await Promise.all(cluster.hosts.map(rules));
});
afterAll(() => opened.disposeAsync());

const lines = (text: string): readonly string[] => (text === "" ? [] : text.trim().split("\n").toSorted());

/** The host's rules of iptables, without counters. */
const rules = async (host: Host): Promise<string> =>
  (await host.ok("iptables-save"))
    .split("\n")
    .filter((line) => !/^[#:]/.test(line))
    .join("\n");

/** The addresses that a program in a container finds for a name. */
const RESOLVERS: Readonly<Record<string, (name: string) => readonly string[]>> = {
  "glibc's getent": (name) => ["sh", "-c", `getent ahostsv4 ${name} | awk '{ print $1 }' | sort -u`],
  "busybox's nslookup": (name) => [
    "sh",
    "-c",
    `nslookup ${name} | sed '1,/^Name:/d' | sed -n 's/^Address: *//p' | sort -u`,
  ],
  dig: (name) => ["sh", "-c", `dig +search +short ${name} | sort -u`],
};

async function resolved(container: TaskContainer, program: string, name: string): Promise<readonly string[]> {
  const command = RESOLVERS[program];
  if (command === undefined) throw new Error(`no program ${program}`);
  return lines((await container.inside(...command(name))).stdout);
}

/** What an overlay has left on a host: devices, networks of the engine, tables, rules, flows to tasks. */
async function leftovers(host: Host): Promise<readonly string[]> {
  const looks = [
    "ip -o link show | grep -oE '(mm[0-9a-z]{12}|murmur-[0-9]+)'",
    "docker network ls --format '{{ .Name }}' | grep '^murmur[.]'",
    "nft list tables | grep murmur",
    "{ iptables-save; ip6tables-save; } | grep murmur",
    "ip rule show | grep '^10042:'",
    // The second source is who answers.
    "conntrack -L 2>/dev/null | grep -E 'dst=.* src=10[.]99[.]0[.]'",
  ];
  return lines(await host.ok("sh", "-c", looks.map((look) => `{ ${look}; } || true`).join("; ")));
}

/** What doctor finds, a line each. */
async function findings(host: Host): Promise<readonly string[]> {
  const { stdout } = await host.run(["murmur", "doctor", "--format", "json"]);
  const { nodes } = JSON.parse(stdout) as DoctorReport;
  expect(nodes.map(({ state }) => state)).toEqual(["checked", "checked", "checked"]);
  return nodes.flatMap(({ hostname, differences }) =>
    differences.map(({ where, what }) => `${hostname}: ${where}: ${what}`),
  );
}

const web = (): Promise<readonly TaskContainer[]> => tasksOf(cluster.hosts, "web");
const clients = (): Promise<readonly TaskContainer[]> => tasksOf(cluster.hosts, "client");
const addressesOf = (tasks: readonly TaskContainer[]): readonly string[] =>
  tasks.map((task) => task.addressIn("back")).toSorted();
const vip = async (): Promise<string> => {
  const [client] = await clients();
  if (client === undefined) throw new Error("there are clients");
  const found = () => resolved(client, "glibc's getent", "web");
  const addresses = await firstAnswer("web has an address", found, ({ length }) => length === 0);
  expect(addresses).toEqual([expect.stringMatching(/^10\.99\.0\./)]);
  return addresses[0] ?? "";
};

describe("an overlay cluster", () => {
  it("refuses a host that can't do it, and says what is missing", async () => {
    const { first } = cluster;
    const [, second, third] = cluster.hosts;
    if (second === undefined || third === undefined) throw new Error("three hosts");
    await first.murmur("cluster", "init", "--data-plane", "overlay", "--advertise-addr", first.address);
    const token = await first.murmur("cluster", "join-token", "--quiet");
    const join = ["murmur", "node", "join", "--token", token, `${first.address}:7373`];
    await third.ok("sh", "-c", "mv $(command -v nft) /root/nft");
    const { code, stderr } = await third.run(join);
    expect(code).not.toBe(0);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/overlay.*nft.*nftables/);
    await third.ok("mv", "/root/nft", "/usr/sbin/nft");
    await cluster.join(third);
    await cluster.join(second);
    await cluster.settled();
    expect(await third.murmur("node", "inspect", "self")).toContain('"overlay"');
  });

  it("runs services in networks of their own", async () => {
    const { first } = cluster;
    await first.murmur("network", "create", "--subnet", SUBNET, "back");
    const create = (name: string, ...args: string[]): Promise<string> =>
      first.murmur("service", "create", "--name", name, ...args);
    const idle = ["--stop-grace-period", "0s", CLIENT_IMAGE, "sleep", "1000000"];
    await create("web", "--replicas", "3", "--network", "back", "--publish", "8080:80", "--env", "PORT=80", WEB_IMAGE);
    await create("client", "--mode", "global", "--network", "back", ...idle);
    await create("stranger", "--mode", "global", ...idle);
    const tasks = await web();
    expect(tasks).toHaveLength(3);
    expect(new Set(tasks.map(({ host }) => host.name)).size).toBe(3);
    expect(new Set(addressesOf(tasks)).size).toBe(3);
    for (const address of addressesOf(tasks)) expect(address).toMatch(/^10\.99\.0\./);
  });

  it.each(Object.keys(RESOLVERS))("answers names to %s on every host", async (program) => {
    const tasks = await web();
    const address = await vip();
    expect(addressesOf(tasks)).not.toContain(address);
    for (const client of await clients()) {
      const finds = async (name: string, all: readonly string[]): Promise<void> => {
        const found = await firstAnswer(name, () => resolved(client, program, name), isPartOf(all));
        expect(found).toEqual(all);
      };
      await finds("web", [address]);
      await finds("web.back", [address]);
      await finds("tasks.web", addressesOf(tasks));
      for (const task of tasks) await finds(`${task.slot}.web`, [task.addressIn("back")]);
      expect(await resolved(client, program, "stranger")).toEqual([]);
    }
  });

  it("lets tasks reach each other across hosts, by address and by name", async () => {
    const tasks = await web();
    const names = tasks.map(({ id }) => id.slice(0, 12));
    for (const client of await clients()) {
      const each = async (urls: readonly string[]): Promise<void> => {
        const pages = await firstAnswer("each answers", () => client.pages(urls), hasGaps(names));
        expect(pages).toEqual(names);
      };
      await each(tasks.map((task) => `http://${task.addressIn("back")}/`));
      await each(tasks.map((task) => `http://${task.slot}.web/`));
      const urls = Array.from({ length: 30 }, () => "http://web/");
      const chosen = await firstAnswer("all are chosen", () => client.pages(urls), isPartOf(names));
      expect([...new Set(chosen)].toSorted()).toEqual(names.toSorted());
      expect(await client.page(`http://${await vip()}/cgi-bin/env`)).toContain(
        `REMOTE_ADDR=[::ffff:${client.addressIn("back")}]`,
      );
    }
  });

  it("keeps other networks out, by address and by name", async () => {
    const tasks = await web();
    const address = await vip();
    for (const stranger of await tasksOf(cluster.hosts, "stranger")) {
      // Each may take its two seconds: all at once.
      const attempts = [...addressesOf(tasks), address].map((one) =>
        stranger.inside("timeout", "2", "wget", "-q", "-O", "-", `http://${one}/`),
      );
      for (const { code, stdout } of await Promise.all(attempts)) {
        // Refused, or nobody answers: killed after two seconds.
        expect([code, stdout]).toEqual([expect.toBeOneOf([1, 143]), ""]);
      }
      for (const program of Object.keys(RESOLVERS)) expect(await resolved(stranger, program, "web")).toEqual([]);
      for (const name of ["web", "tasks.web", "1.web", "web.back"])
        expect((await stranger.inside("dig", "+search", name)).stdout).toContain("status: NXDOMAIN");
    }
  });

  it("answers on the published port of every host, and shows tasks the client's own address", async () => {
    const all = (await web()).map(({ id }) => `${id.slice(0, 12)} saw [::ffff:${outsider.address}]`);
    /** Who gave a page, and the address that it was asked from; "" for no page. */
    const seen = (page: string): string => {
      const [name, address] = ["HOSTNAME", "REMOTE_ADDR"].map(
        (key) => new RegExp(`^${key}=(.*)$`, "m").exec(page)?.[1],
      );
      return page === "" ? "" : `${name ?? "nobody"} saw ${address ?? "nothing"}`;
    };
    for (const host of cluster.hosts) {
      const urls = Array.from({ length: 30 }, () => `http://${host.address}:8080/cgi-bin/env`);
      const look = async (): Promise<readonly string[]> => (await outsider.pages(urls)).map(seen);
      const found = await firstAnswer(`${host.name}'s port leads to all`, look, isPartOf(all));
      expect([...new Set(found)].toSorted()).toEqual(all.toSorted());
    }
  });

  it("answers on the published port from the hosts and the tasks themselves", async () => {
    const answers = expect.toBeOneOf((await web()).map(({ id }) => id.slice(0, 12))) as string;
    for (const host of cluster.hosts) {
      const urls = ["127.0.0.1", ...cluster.hosts.map((other) => other.address)].map(
        (address) => `http://${address}:8080/`,
      );
      const run = ["docker", "run", "--rm", "--network", "host", CLIENT_IMAGE];
      expect(pagesOf((await host.run([...run, ...fetching(urls)])).stdout)).toEqual(urls.map(() => answers));
    }
    for (const task of await web()) {
      const urls = cluster.hosts.flatMap(({ address }) => Array.from({ length: 6 }, () => `http://${address}:8080/`));
      expect(await task.pages(urls)).toEqual(urls.map(() => answers));
    }
  });

  const BREAKAGES: Readonly<Record<string, (client: TaskContainer) => Promise<unknown>>> = {
    "a container's nftables table": (client) => client.inNetwork("nft", "delete", "table", "inet", "murmur"),
    "the host's nftables table": ({ host }) => host.ok("nft", "delete", "table", "inet", "murmur"),
    "a forwarding entry": ({ host }) =>
      host.ok("sh", "-c", "set -- $(bridge fdb show | grep ' dst ' | head -n 1) && bridge fdb del $1 dev $3 self"),
    "a neighbour entry": ({ host }) =>
      host.ok("sh", "-c", "set -- $(ip neigh show nud permanent | grep murmur- | head -n 1) && ip neigh del $1 dev $3"),
    "a VXLAN device": ({ host }) =>
      host.ok("sh", "-c", "ip link del $(ip -o link show type vxlan | head -n 1 | awk '{ print $2 }' | tr -d :)"),
  };

  it.each(Object.keys(BREAKAGES))("finds and mends what somebody broke: %s", async (what) => {
    const [client] = await clients();
    if (client === undefined) throw new Error("there are clients");
    expect(await findings(client.host)).toEqual([]);
    // The node looks by itself now and then: broken again when it was faster than doctor. What still is can't be.
    await eventually(
      "doctor lists it",
      async () => {
        await BREAKAGES[what]?.(client).catch(() => {});
        return findings(client.host);
      },
      (found) => found.length > 0,
    );
    await client.host.murmur("doctor", "--repair");
    expect(await findings(client.host)).toEqual([]);
    const tasks = await web();
    for (const task of tasks) expect(await client.page(`http://${task.addressIn("back")}/`)).toBe(task.id.slice(0, 12));
    const names = tasks.map(({ id }) => id.slice(0, 12));
    expect(names).toContain(await client.page("http://web/"));
    expect(names).toContain(await outsider.page(`http://${client.host.address}:8080/`));
  });

  it("mends by itself what nobody has asked doctor about", async () => {
    const [client] = await clients();
    if (client === undefined) throw new Error("there are clients");
    await client.inNetwork("nft", "delete", "table", "inet", "murmur");
    // Each node looks every 30 s.
    await eventually(
      "the virtual address is back",
      () => client.page("http://web/"),
      (page) => page !== "",
      { limitMs: 40_000 },
    );
  });

  it("leaves nothing of a service and a network that were removed", async () => {
    const { first } = cluster;
    const refused = await first.run(["murmur", "network", "rm", "back"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/back.*(web|client)/);
    await first.murmur("service", "rm", "web", "client", "stranger");
    await eventually(
      "the network can go",
      () => first.run(["murmur", "network", "rm", "back"]),
      ({ code }) => code === 0,
    );
    for (const host of cluster.hosts)
      await eventually(
        `nothing is left on ${host.name}`,
        () => leftovers(host),
        (left) => left.every((line) => line.includes("table inet murmur")),
      );
    expect(await first.murmur("network", "ls")).not.toContain("back");
  });

  it("leaves nothing on a host that has left, and nothing of others' rules is touched", async () => {
    // Containers that somebody has connected by hand run on, in no network any more.
    const docker = ["docker", "-H", "unix:///run/murmur/docker.sock"];
    await cluster.first.ok(...docker, "network", "create", "-d", "overlay", "--attachable", "open");
    const guest = ["run", "-d", "--name", "guest", "--network", "open", "--entrypoint", "sleep", CLIENT_IMAGE, "600"];
    for (const host of cluster.hosts) {
      await eventually(
        `${host.name} has heard of the network`,
        () => host.run([...docker, "network", "inspect", "open"]),
        ({ code }) => code === 0,
        SOON,
      );
      await host.ok(...docker, ...guest);
    }
    const kept = await cluster.first.run([...docker, "network", "rm", "open"]);
    expect(kept.stderr).toContain("network open is in use by container guest");
    for (const host of [...cluster.hosts].toReversed()) {
      await host.murmur("cluster", "leave", ...(host === cluster.first ? ["--force"] : []));
      await eventually(
        `nothing is left on ${host.name}`,
        () => leftovers(host),
        (left) => left.length === 0,
      );
      const shown = ["inspect", "-f", "{{.State.Running}} {{json .NetworkSettings.Networks}}", "guest"];
      expect(await host.ok("docker", ...shown)).toBe("true {}");
      await host.ok("docker", "rm", "-f", "guest");
    }
    expect(await Promise.all(cluster.hosts.map(rules))).toEqual(rulesBefore);
  });
});
