import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ownerLabels,
  type Container,
  type EngineNetwork,
  type EvictOptions,
  type LocalNetwork,
  type LocalNetworkRuntime,
  type NetworkRuntime,
} from "@murmur/agent";
import { ClusterError, ManualClock, nodeId, silentLog } from "@murmur/base";
import {
  clusterId,
  engineNetworkName,
  networkId,
  taskId,
  type NetworkEntry,
  type NetworkId,
  type Task,
} from "@murmur/model";
import type { Attachment, OverlayPlane } from "@murmur/network";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ClusterBridges } from "./cluster-bridges.ts";
import { LocalNetworks } from "./local-networks.ts";
import { OverlayNetworks } from "./overlay-networks.ts";
import { resolverFiles } from "./resolver-files.ts";

const OPTIONS = { signal: new AbortController().signal };
const BLUE: NetworkEntry = {
  id: networkId("blue00000000aaaaaaaaaaaaa"),
  name: "blue",
  addressing: { vni: 1, ipv4: { subnet: "10.9.0.0/24", gateway: "10.9.0.1" } },
};
const RED: NetworkEntry = { ...BLUE, id: networkId("red000000000aaaaaaaaaaaaa"), name: "red", internal: true };

const LAN = networkId("lan000000000aaaaaaaaaaaaa");

/** An engine that has networks, and says who is in them. */
class Engine implements NetworkRuntime, LocalNetworkRuntime {
  local: readonly LocalNetwork[] = [];
  /** It makes no two at once. */
  making = false;
  /** It has no configuration networks. */
  lacks = false;

  async ensureLocalNetwork(network: LocalNetwork): Promise<void> {
    if (this.making)
      throw new ClusterError("failed_precondition", "Pool overlaps with other one on this address space");
    this.making = true;
    await Promise.resolve();
    this.making = false;
    if (this.lacks) throw new ClusterError("not_found", "configuration network does not exist");
    if (!this.local.some(({ name }) => name === network.name)) this.local = [...this.local, network];
  }
  async localNetworks(prefix: string): Promise<readonly string[]> {
    return this.local.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  }

  readonly made = new Map<string, EngineNetwork>();
  readonly used = new Set<string>();
  /** Two networks of it have no subnet in common. */
  isStrict = false;

  /** Whoever is in a network can't be taken out of it. */
  isHeld = false;

  /** Those of them that have guests; tasks may be in all that are used. */
  readonly withGuests = new Set<string>();

  async evict(name: string, { guestsOnly = false }: EvictOptions): Promise<void> {
    this.withGuests.delete(name);
    if (!this.isHeld && !guestsOnly) this.used.delete(name);
  }

  async ensureNetwork(network: EngineNetwork): Promise<void> {
    const other = this.made.get(network.name);
    if (other !== undefined && this.used.has(network.name) && JSON.stringify(other) !== JSON.stringify(network))
      throw new ClusterError("in_use", "the engine has a network with other labels and can't remove it");
    const isTaken = ({ name, ipv4 }: EngineNetwork): boolean =>
      name !== network.name && ipv4.subnet === network.ipv4.subnet;
    if (this.isStrict && [...this.made.values()].some(isTaken))
      throw new ClusterError("failed_precondition", "Pool overlaps with other one on this address space");
    this.made.set(network.name, network);
  }
  async removeNetwork(name: string): Promise<void> {
    if (this.used.has(name)) throw new ClusterError("failed_precondition", "has active endpoints");
    this.made.delete(name);
    this.local = this.local.filter((one) => one.name !== name);
  }
  async networks(labels: Readonly<Record<string, string>>): Promise<readonly string[]> {
    const isOurs = (network: EngineNetwork): boolean =>
      Object.entries(labels).every(([key, value]) => network.labels[key] === value);
    return [...this.made.values()].filter(isOurs).map(({ name }) => name);
  }
}

describe("the overlay's side of a node's tasks", () => {
  let directory: string;
  let engine: Engine;
  let needed: readonly NetworkEntry[] | undefined;
  let attached: Attachment | undefined;
  let networks: OverlayNetworks;
  let known: NetworkEntry[];
  let repairs: number;
  let asked: (readonly [addresses: string, servers: readonly string[] | undefined])[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "murmur-overlay-"));
    engine = new Engine();
    needed = [];
    asked = [];
    repairs = 0;
    known = [BLUE, RED];
    attached = undefined;
    const plane: Pick<
      OverlayPlane,
      "network" | "networks" | "known" | "ownAttachable" | "attach" | "detach" | "expect" | "resolveBy" | "repair"
    > = {
      repair: async () => ((repairs += 1), []),
      network: (id) => known.find((entry) => entry.id === id),
      ownAttachable: () => known.filter(({ attachable }) => attachable).map(({ id }) => id),
      networks: () => needed,
      known: knownIds,
      attach: async (_task, container) => void (attached = container),
      detach: () => {},
      expect: () => {},
      resolveBy: (_task, addresses, servers) => void asked.push([addresses.map(({ ipv4 }) => ipv4).join(), servers]),
    };
    const bridges = bridgesOf("c", "n1");
    const resolverFile = resolverFiles(join(directory, "resolvers"));
    const local = new LocalNetworks({ runtime: engine, clock: new ManualClock() });
    networks = new OverlayNetworks({ plane, bridges, local, resolverFile });
  });
  afterEach(() => rm(directory, { recursive: true }));

  const task = (dns?: Task["spec"]["container"]["dns"], joined: readonly NetworkEntry[] = [BLUE, RED]): Task =>
    ({
      id: taskId("t"),
      spec: { container: { image: "i", ...(dns && { dns }) }, networks: [] },
      networks: joined.map(({ id }) => ({ networkId: id, aliases: [] })),
      addresses: joined.map((_, at) => ({ ipv4: `10.9.0.${String(5 + at)}` })),
    }) as unknown as Task;
  const knownIds = (): ReadonlySet<NetworkId> => new Set(known.map(({ id }) => id));
  const WISH = { ...OPTIONS, known: knownIds };
  const bridgesOf = (cluster: string, node: string): ClusterBridges =>
    new ClusterBridges({
      clusterId: clusterId(cluster),
      nodeId: nodeId(node),
      underlay: "192.0.2.1",
      runtime: engine,
      guests: engine,
      log: silentLog,
    });
  const conf = async (of: Task): Promise<string> =>
    readFile((await networks.prepare(of, OPTIONS)).resolvConf ?? "", "utf8");

  it("has the engine make its networks, and says how the container is connected", async () => {
    const { attached: connected } = await networks.prepare(task(), OPTIONS);
    expect(connected).toEqual([
      { name: "murmur.blue.blue00000000", ipv4: "10.9.0.5", mac: "02:42:0a:09:00:05" },
      { name: "murmur.red.red000000000", ipv4: "10.9.0.6", mac: "02:42:0a:09:00:06" },
    ]);
    expect(engine.made.get("murmur.red.red000000000")).toEqual({
      name: "murmur.red.red000000000",
      labels: { "murmur.cluster.id": "c", "murmur.node.id": "n1", "io.murmur.network": RED.id },
      bridge: "mmred000000000",
      // Nobody is connected to it by hand: the engine has no address to give.
      ipv4: { subnet: "10.9.0.0/24", gateway: "10.9.0.1", range: "10.9.0.1/32" },
      mtu: 1_450,
      internal: true,
    });
  });

  it("gives the container the gateway of its first network as its resolver", async () => {
    const options = "options ndots:0 timeout:1 attempts:2";
    expect(await conf(task())).toBe(`nameserver 10.9.0.1\nsearch murmur.internal\n${options}\n`);
    expect(await conf(task({ search: [], options: ["rotate"] }))).toBe(`nameserver 10.9.0.1\n${options} rotate\n`);
    const [first, second] = await Promise.all([1, 2].map(() => networks.prepare(task(), OPTIONS)));
    expect(first?.resolvConf).toBe(second?.resolvConf);
  });

  it("has the gateway ask whom the spec names, from before the container is made and after a restart of this process", async () => {
    const own = task({ nameservers: ["192.0.2.53"] });
    expect(await conf(own)).toMatch(/^nameserver 10\.9\.0\.1\n/);
    await networks.attach(own, { pid: 7 } as Container, OPTIONS);
    await networks.prepare(task(), OPTIONS);
    expect(asked).toEqual([
      ["10.9.0.5,10.9.0.6", ["192.0.2.53"]],
      ["10.9.0.5,10.9.0.6", ["192.0.2.53"]],
      ["10.9.0.5,10.9.0.6", undefined],
    ]);
  });

  it("has the engine make the node's own networks, and takes them away when no task is in them", async () => {
    const lan: NetworkEntry = { id: LAN, name: "lan", local: { driver: "macvlan", configFrom: "lan-conf" } };
    known.push(lan);
    const own = (joined: readonly NetworkEntry[] = []): Task => {
      const base = task(undefined, joined);
      const spec = { ...base.spec, networks: [{ target: LAN, aliases: ["www"] }] };
      return { ...base, serviceName: "web", spec };
    };
    const local = [{ name: "murmur.lan.lan000000000", aliases: ["web", "www"] }];
    const both = await Promise.all([1, 2].map(() => networks.prepare(own(), OPTIONS)));
    expect(both).toEqual([
      { attached: [], local },
      { attached: [], local },
    ]);
    expect(engine.local).toEqual([
      { name: local[0]?.name, internal: false, driver: "macvlan", configFrom: "lan-conf" },
    ]);
    expect(await networks.prepare(own([BLUE]), OPTIONS)).toMatchObject({ attached: [{ ipv4: "10.9.0.5" }], local });
    await networks.attach(own(), { pid: 0 } as Container, OPTIONS);
    expect(attached).toBeUndefined();
    await networks.tidy(() => [own()], OPTIONS);
    expect(engine.local).toHaveLength(1);
    await networks.tidy(() => [task()], OPTIONS);
    expect(engine.local).toEqual([]);
    engine.lacks = true;
    await expect(networks.prepare(own(), OPTIONS)).rejects.toMatchObject({
      code: "failed_precondition",
      message: expect.stringContaining("this node has no configuration network lan-conf, which network lan takes"),
    });
    known.pop();
    await expect(networks.prepare(own(), OPTIONS)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("takes those out of a network who are in it since this host was another node, and nobody else", async () => {
    const name = engineNetworkName(BLUE);
    await bridgesOf("c", "former").ensure(BLUE, WISH);
    engine.used.add(name);
    await bridgesOf("c", "n1").ensure(BLUE, WISH);
    expect([[...engine.used], engine.made.get(name)?.labels]).toEqual([
      [],
      expect.objectContaining(ownerLabels(clusterId("c"), nodeId("n1"))),
    ]);
    engine.used.add(name);
    const internal = bridgesOf("c", "n1").ensure({ ...BLUE, internal: true }, WISH);
    await expect(internal).rejects.toMatchObject({ code: "in_use" });
    expect([...engine.used]).toEqual([name]);
  });

  it("passes on what the spec tells the drivers of each network", async () => {
    known.push({ id: LAN, name: "lan", local: { driver: "macvlan" } });
    const base = task(undefined, [BLUE, RED]);
    const wish = [
      { target: LAN, aliases: [], driverOptions: { a: "1" } },
      { target: RED.id, aliases: [], driverOptions: { b: "2" } },
    ];
    const told = { ...base, serviceName: "web", spec: { ...base.spec, networks: wish } };
    const { attached: places, local } = await networks.prepare(told, OPTIONS);
    expect(places.map(({ driverOptions }) => driverOptions)).toEqual([undefined, { b: "2" }]);
    expect(local?.map(({ driverOptions }) => driverOptions)).toEqual([{ a: "1" }]);
  });

  it("has one made for a container that is connected by hand, and keeps it for as long as the cluster has it", async () => {
    const lan: NetworkEntry = { id: LAN, name: "lan", local: { driver: "bridge" }, attachable: true };
    await expect(networks.ownNetwork(LAN, OPTIONS)).rejects.toMatchObject({ code: "unavailable" });
    known.push(lan);
    expect(await networks.ownNetwork(LAN, OPTIONS)).toBe("murmur.lan.lan000000000");
    await networks.tidy(() => [], OPTIONS);
    expect(engine.local).toEqual([{ name: "murmur.lan.lan000000000", internal: false, driver: "bridge" }]);
    known.pop();
    await networks.tidy(() => [], OPTIONS);
    expect(engine.local).toEqual([]);
    await expect(networks.ownNetwork(BLUE.id, OPTIONS)).rejects.toMatchObject({ code: "failed_precondition" });
  });

  it("says what is missing", async () => {
    const unknown = { ...BLUE, id: networkId("other") };
    await expect(networks.prepare(task(undefined, [unknown]), OPTIONS)).rejects.toMatchObject({ code: "unavailable" });
    const { addresses: _addresses, ...bare } = task();
    await expect(networks.prepare(bare, OPTIONS)).rejects.toMatchObject({ code: "failed_precondition" });
    await expect(networks.attach(task(), { pid: 0 } as Container, OPTIONS)).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  it("attaches a container by its namespace, or that of its process", async () => {
    await networks.attach(task(), { pid: 7, netns: "/run/ns" } as Container, OPTIONS);
    expect(attached).toEqual({
      netns: "/run/ns",
      addresses: [
        { networkId: BLUE.id, ipv4: "10.9.0.5" },
        { networkId: RED.id, ipv4: "10.9.0.6" },
      ],
    });
    await networks.attach(task(), { pid: 7 } as Container, OPTIONS);
    expect(attached?.netns).toBe("/proc/7/ns/net");
  });

  it("has what a network is left of that is gone removed, where a new one got its subnet", async () => {
    await networks.prepare(task(undefined, [BLUE]), OPTIONS);
    engine.isStrict = true;
    engine.used.add("murmur.blue.blue00000000");
    await expect(networks.prepare(task(undefined, [RED]), OPTIONS)).rejects.toMatchObject({
      code: "in_use",
      message: expect.stringContaining("Pool overlaps"),
    });
    engine.used.clear();
    await expect(networks.prepare(task(undefined, [RED]), OPTIONS)).rejects.toMatchObject({ code: "in_use" });
    known = [RED];
    await networks.prepare(task(undefined, [RED]), OPTIONS);
    expect([...engine.made.keys()]).toEqual(["murmur.red.red000000000"]);
  });

  it("does so as well for a network that the node needs without having a task in it", async () => {
    const bridges = bridgesOf("c", "n1");
    await bridges.ensure(BLUE, WISH);
    engine.isStrict = true;
    known = [RED];
    engine.used.add("murmur.blue.blue00000000");
    await expect(bridges.ensure(RED, WISH)).rejects.toMatchObject({ code: "failed_precondition" });
    engine.used.clear();
    await bridges.ensure(RED, WISH);
    expect([...engine.made.keys()]).toEqual(["murmur.red.red000000000"]);
  });

  it("removes what another node has left that this host was before, and no other cluster's", async () => {
    await bridgesOf("c", "former").ensure(BLUE, WISH);
    await bridgesOf("other", "n1").ensure(RED, WISH);
    await networks.tidy(() => [], OPTIONS);
    expect([...engine.made.values()].map(({ name }) => name)).toEqual([expect.stringContaining("murmur.red.")]);
  });

  it("makes its own what another node has left of a network that it needs, and has it rendered anew", async () => {
    const [blue, red] = [BLUE, RED].map((network) => engineNetworkName(network));
    const ownerOf = (name: string | undefined) => engine.made.get(name ?? "")?.labels["murmur.node.id"];
    for (const network of [BLUE, RED]) await bridgesOf("c", "former").ensure(network, WISH);
    engine.used.add(blue ?? "").add(red ?? "");
    needed = [BLUE];
    await networks.tidy(() => [], OPTIONS);
    expect([ownerOf(blue), ownerOf(red), [...engine.used], repairs]).toEqual(["n1", undefined, [], 1]);
    engine.used.add(blue ?? "");
    await networks.tidy(() => [], OPTIONS);
    expect([[...engine.used], repairs]).toEqual([[blue], 1]);
  });

  it("makes it its own as soon as a container that is being stopped is no longer in it", async () => {
    await bridgesOf("c", "former").ensure(BLUE, WISH);
    engine.used.add(engineNetworkName(BLUE));
    engine.isHeld = true;
    needed = [BLUE];
    await networks.tidy(() => [], OPTIONS);
    expect([engine.made.get(engineNetworkName(BLUE))?.labels["murmur.node.id"], repairs]).toEqual(["former", 0]);
    engine.isHeld = false;
    await networks.tidy(() => [], OPTIONS);
    expect([engine.made.get(engineNetworkName(BLUE))?.labels["murmur.node.id"], repairs]).toEqual(["n1", 1]);
  });

  it("keeps guests until this node is out of its cluster, and then not as long as its tasks stop", async () => {
    await networks.prepare(task(), OPTIONS);
    await bridgesOf("other", "n1").ensure({ ...RED, name: "theirs" }, WISH);
    const names = [...engine.made.keys()];
    for (const name of names) {
      engine.used.add(name);
      engine.withGuests.add(name);
    }
    for (const known of [[BLUE, RED], undefined]) {
      needed = known;
      await networks.tidy(() => [task()], OPTIONS);
      expect([...engine.withGuests]).toEqual(names);
    }
    await networks.tidy(() => [task()], { ...OPTIONS, isOut: true });
    expect([...engine.withGuests]).toEqual([expect.stringContaining("theirs")]);
    expect([...engine.used]).toEqual(names);
  });

  it("removes the networks that neither a task needs, nor the node, nor a container is in", async () => {
    await networks.prepare(task(), OPTIONS);
    const names = [...engine.made.keys()];
    needed = undefined;
    await networks.tidy(() => [], OPTIONS);
    needed = [BLUE, RED];
    await networks.tidy(() => [], OPTIONS);
    needed = [];
    await networks.tidy(() => [task()], OPTIONS);
    engine.used.add("murmur.red.red000000000");
    expect([...engine.made.keys()]).toEqual(names);
    await networks.tidy(() => [], OPTIONS);
    expect([...engine.made.keys()]).toEqual(["murmur.red.red000000000"]);
  });
});
