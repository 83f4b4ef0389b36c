import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { insideOf, Lab, underlayOf, type Container, type Wish } from "../testing/lab.ts";
import type { Namespace } from "../testing/namespace.ts";
import { PORT } from "../testing/peer.ts";
import { systemCommands } from "./commands.ts";
import { Overlay } from "./overlay.ts";

// Hundreds of processes, on a machine that may be busy: only what hangs should fail for its time.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

/** The real kernel, as in `overlay.test.ts`: what others break is found and mended, and nothing is left behind. */
describe("an overlay in the kernel", () => {
  let lab: Lab;
  let one: Container;
  let two: Container;
  let wish: Wish;

  beforeEach(async () => {
    lab = await Lab.open();
    one = await lab.container(1, 11);
    two = await lab.container(2, 12);
    const port = { port: 80, targetPort: PORT, localFirst: false, endpoints: [two] };
    wish = {
      tasks: [one, two],
      services: [
        { vip: 2, endpoints: [two], balancing: "roundRobin" },
        { vip: 3, endpoints: [one, two], balancing: "sourceHash" },
        { vip: 4, endpoints: [], balancing: "random" },
      ],
      ports: [
        { ...port, protocol: "tcp", balancing: "random" },
        { ...port, protocol: "udp", balancing: "roundRobin" },
        { ...port, protocol: "sctp", balancing: "sourceHash" },
        { ...port, protocol: "tcp", address: "192.168.7.1", port: 81, balancing: "random" },
        { ...port, protocol: "tcp", address: "FD07:0::1", port: 81, balancing: "random", endpoints: [] },
      ],
    };
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  const texts = async (): Promise<readonly string[]> => {
    const found = await lab.host(1).overlay.difference();
    return found.map(({ text }) => text.replace(one.namespace.path, "ONE"));
  };

  /** A connection by each of the ways. */
  async function expectTraffic(): Promise<void> {
    const name = "task12";
    expect(await one.namespace.ask("tcp", insideOf(2).ipv4, PORT)).toMatchObject({ name });
    expect(await one.namespace.ask("tcp", insideOf(2).ipv6, PORT)).toMatchObject({ name });
    expect(await lab.client.ask("tcp", underlayOf(lab.host(1)), 80)).toEqual({ name, seen: "192.168.7.9" });
    expect(await lab.client.ask("udp", underlayOf(lab.host(1), 6), 80)).toEqual({ name, seen: "fd07::9" });
  }

  it("is what was wanted, and has nothing more to do, also for the next process", async () => {
    await lab.render(wish);
    for (const host of lab.hosts) {
      expect(await host.overlay.difference()).toEqual([]);
      expect(await host.overlay.render(lab.state(host, wish))).toEqual({ lines: 0, problems: [], ended: [] });
      await using next = await Overlay.open({ commands: systemCommands, hostNetns: host.namespace.path });
      await expect(next.difference()).rejects.toMatchObject({ code: "failed_precondition" });
      expect(await next.render(lab.state(host, wish))).toEqual({ lines: 0, problems: [], ended: [] });
    }
  });

  it("finds each kind of tampering, says what it is, and mends it", async () => {
    await lab.render(wish);
    await expectTraffic();
    const host = lab.host(1).namespace;
    const inside = one.namespace;
    const mac = "02:42:0a:09:00:0c";
    const table = "inet murmur";
    const tamperings: readonly (readonly [Namespace, string, string])[] = [
      [
        host,
        `bridge fdb delete ${mac} dev murmur-4097 self dst 192.168.7.2`,
        `entry of ${mac} on murmur-4097 to 192.168.7.2 is missing`,
      ],
      [
        host,
        `bridge fdb delete ${mac} dev murmur-4097 master`,
        `the bridge's entry of ${mac} on murmur-4097 is missing`,
      ],
      [
        host,
        `bridge fdb replace ${mac} dev murmur-4097 self dst 192.168.7.3 static`,
        "to 192.168.7.3 is there in place of",
      ],
      [
        host,
        "bridge fdb replace 02:00:00:00:00:01 dev murmur-4097 self dst 192.168.7.3 static",
        "to 192.168.7.3 should not be there",
      ],
      [host, "ip neighbour delete 10.9.0.12 dev murmur-4097", "the neighbour entry of 10.9.0.12"],
      [host, "ip neighbour delete fd09::c dev murmur-4097", "the neighbour entry of fd09::c"],
      [host, "ip address delete 10.9.0.251/32 dev mmblue", "the address 10.9.0.251 of bridge mmblue is missing"],
      [host, "ip address add 10.9.0.77/32 dev mmblue", "the address 10.9.0.77 of bridge mmblue should not be there"],
      [
        host,
        "ip link set mmblue address 02:00:00:00:00:01",
        "the bridge mmblue with MAC address 02:00:00:00:00:01 is there in place",
      ],
      [host, "ip link delete murmur-4097", "the VXLAN device murmur-4097 in bridge mmblue"],
      [host, "ip link set murmur-4097 nomaster", "is there in place of the VXLAN device"],
      [host, "ip link set murmur-4097 down", "down"],
      [host, "ip link set task11 type bridge_slave hairpin off", "the hairpin mode of task11 is missing"],
      [host, "iptables -F DOCKER-USER", "the IPv4 rule that lets redirected flows into bridge mmblue is missing"],
      [host, `nft flush map ${table} any4`, "the entry 6 . 80 : goto any4_6_80 of any4 is missing"],
      [host, `nft flush chain ${table} any6_17_80`, "the chain any6_17_80 (somebody else's: []) is there in place of"],
      [host, `nft add rule ${table} arriving drop`, "altered by somebody else"],
      [host, `nft delete table ${table}`, "the nftables table inet murmur is missing"],
      [
        inside,
        `nft flush map ${table} vip4`,
        "container ONE: the entry 10.9.0.2 : goto vip4_10.9.0.2 of vip4 is missing",
      ],
      [inside, `nft flush map ${table} entry`, "of entry is missing"],
      [inside, `nft add chain ${table} vip4_10.9.0.9`, "should not be there"],
      [inside, `nft delete table ${table}`, "container ONE: the nftables table inet murmur is missing"],
      [inside, "ip rule delete fwmark 168362236", "container ONE: the IPv4 routing rule of mark 168362236 is missing"],
      [
        inside,
        "ip -6 route flush table 168362236",
        "container ONE: the route of table 168362236 via fd09::fc is missing",
      ],
    ];
    for (const [where, words, text] of tamperings) {
      await where.run(words);
      const { found, problems } = await lab.host(1).overlay.repair();
      const said = found.map(({ text }) => text.replace(one.namespace.path, "ONE")).join("\n");
      expect(said, words).toContain(text);
      expect(problems, words).toEqual([]);
      expect(await texts(), words).toEqual([]);
    }
    await expectTraffic();
  });

  it("says what it could not do, goes on with the rest, and does it once it can", async () => {
    const host = lab.host(1);
    await host.namespace.ip("link set mmblue name br-away");
    const state = lab.state(host, wish);
    const { problems } = await host.overlay.render(state);
    expect(problems.join("\n")).toContain("mmblue");
    expect((await texts()).join("\n")).toContain("the bridge mmblue with MAC address 02:42:0a:09:00:fb is missing");
    await host.namespace.ip("link set br-away name mmblue");
    await lab.render(wish);
    expect(await texts()).toEqual([]);
    await expectTraffic();
  });

  it("joins by IPv6 on a host that switches that off for new devices, and when somebody does so later", async () => {
    const host = lab.host(1).namespace;
    const switchOff = (device: string): Promise<void> =>
      host.feed(`dd of=/proc/sys/net/ipv6/conf/${device}/disable_ipv6 status=none`, "1\n");
    await switchOff("default");
    await lab.render(wish);
    expect(await texts()).toEqual([]);
    await expectTraffic();
    await switchOff("murmur-4097");
    expect((await lab.host(1).overlay.repair()).problems).toEqual([]);
    expect(await texts()).toEqual([]);
    await expectTraffic();
  });

  it("leaves out a container that is gone, and isn't held up by it", async () => {
    await lab.render(wish);
    const { overlay } = lab.host(1);
    const { path } = one.namespace;
    await one.namespace[Symbol.asyncDispose]();
    expect(await texts()).toEqual([]);
    // It ends while a rendering is under way: the state still has it, and there is something to do in it.
    const changed = { ...wish, services: [{ vip: 2, endpoints: [], balancing: "random" as const }] };
    expect(await overlay.render(lab.state(lab.host(1), changed))).toMatchObject({ problems: [], ended: [path] });
    const rest: Wish = { ...wish, tasks: [two], services: [] };
    expect(await overlay.render(lab.state(lab.host(1), rest))).toMatchObject({ problems: [], ended: [] });
    expect(await texts()).toEqual([]);
  });

  it("takes the engine's path of a namespace that has ended for what it is, also as long as the file is there", async () => {
    await lab.render(wish);
    const folder = await mkdtemp(join(tmpdir(), "murmur-netns-"));
    const left = join(folder, "left");
    await writeFile(left, "");
    const state = lab.state(lab.host(1), wish);
    for (const netns of [left, join(folder, "gone")]) {
      const tasks = state.tasks.map((task) => (task.netns === undefined ? task : { ...task, netns }));
      expect(await lab.host(1).overlay.render({ ...state, tasks })).toMatchObject({ problems: [], ended: [netns] });
      expect(await texts()).toEqual([]);
    }
    await rm(folder, { recursive: true });
  });

  it("leaves nothing when it is closed, even what a process before it had made", async () => {
    const listing = async (): Promise<readonly string[]> => {
      const commands = [
        "ip -br link show type vxlan",
        "ip -o address show",
        "bridge fdb show",
        "nft list tables",
        "iptables -S",
        "ip6tables -S",
        "ip rule",
        "ip -6 rule",
        "ip route show table all",
        "ip -6 route show table all",
      ];
      const namespaces = [lab.host(1).namespace, one.namespace];
      const lists = await Promise.all(namespaces.flatMap((where) => commands.map((command) => where.run(command))));
      // The bridge keeps its MAC address: it is the engine's, and goes with the network.
      return lists.map((list) =>
        list
          .split("\n")
          .filter((line) => !/^02:42|^33:33|^01:00|valid_lft|fe80/.test(line))
          .sort()
          .join("\n"),
      );
    };
    const host = lab.host(1);
    const before = await listing();
    await lab.render(wish);
    expect(await listing()).not.toEqual(before);
    expect(await host.overlay.close()).toMatchObject({ problems: [] });
    expect(await listing()).toEqual(before);

    // The next process doesn't know the containers; what is in those goes with them.
    await lab.render(wish);
    await using next = await Overlay.open({ commands: systemCommands, hostNetns: host.namespace.path });
    expect(await next.close()).toMatchObject({ problems: [] });
    const ofHost = (lists: readonly string[]) => lists.slice(0, lists.length / 2);
    expect(ofHost(await listing())).toEqual(ofHost(before));
  });
});
