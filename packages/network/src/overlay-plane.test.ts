import { nodeId } from "@murmur/base";
import { nodeGateway, serviceId, taskId, type ClusterFacts, type EndpointTable } from "@murmur/model";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { PlaneHost } from "./overlay-plane/testing/plane-host.ts";
import type { PlaneRequest } from "./overlay-plane/testing/plane-program.ts";
import { BRIDGE, insideOf, Lab, NETWORK, underlayOf, type Container } from "./overlay/testing/lab.ts";
import { PORT } from "./overlay/testing/peer.ts";

// Hundreds of processes, on a machine that may be busy: only what hangs should fail for its time.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const ADDRESSING = {
  vni: 4_097,
  ipv4: { subnet: "10.9.0.0/24", gateway: "10.9.0.1" },
  ipv6: { subnet: "fd09::/64", gateway: "fd09::1" },
};
const VIP = insideOf(2);
/** Before a check that comes by itself would find anything. */
const SOON = { timeout: 20_000, interval: 50 };
const CLIENT = { number: 9 };

const idOf = ({ number }: Container) => taskId(`task${String(number)}`);
const addressOf = ({ number }: Container) => ({ networkId: NETWORK, ...insideOf(number) });
const nodeOf = ({ number }: { readonly number: number }) => nodeId(`host${String(number)}`);

const factsOf = ({ hosts }: Lab): ClusterFacts => ({
  nodes: hosts.map((host) => ({
    id: nodeOf(host),
    hostname: nodeOf(host),
    address: `${underlayOf(host)}:7373`,
    raftRole: "none",
    number: host.number,
  })),
  gossipKeys: [],
});

interface Wish {
  readonly tasks: readonly Container[];
  readonly endpoints: readonly Container[];
  /** Left out: the port is published. */
  readonly isInside?: boolean;
}

/** One service with a virtual address, published at port 80 of every node. */
function tableOf({ tasks, endpoints, isInside = false }: Wish): EndpointTable {
  return {
    version: 1,
    networks: [{ id: NETWORK, name: "blue", addressing: ADDRESSING }],
    services: [
      {
        serviceId: serviceId("web"),
        name: "web",
        networks: [{ networkId: NETWORK, aliases: [] }],
        published: isInside ? [] : [{ protocol: "tcp", targetPort: PORT, publishedPort: 80 }],
        vips: [{ networkId: NETWORK, ...VIP }],
        endpoints: endpoints.map((task) => ({
          taskId: idOf(task),
          slot: task.number,
          nodeId: nodeOf(task.host),
          address: insideOf(task.number).ipv4,
          ports: [],
        })),
        attached: tasks.map((task) => ({
          taskId: idOf(task),
          nodeId: nodeOf(task.host),
          addresses: [addressOf(task)],
        })),
      },
    ],
  };
}

/** The real kernel: three hosts, each with a plane in a process of its own, told by hand what managers would tell them. */
describe("the overlay plane on three hosts", () => {
  let lab: Lab;
  let planes: readonly PlaneHost[];
  /** Of host 1, 2 and 2. */
  let one: Container;
  let two: Container;
  let second: Container;
  let all: readonly Container[];

  const plane = (number: number): PlaneHost => {
    const found = planes[number - 1];
    if (found === undefined) throw new Error("the lab has three hosts");
    return found;
  };
  const attach = (task: Container) =>
    plane(task.host.number).tell({
      kind: "attach",
      task: idOf(task),
      container: { netns: task.namespace.path, addresses: [addressOf(task)] },
    });

  beforeAll(async () => {
    lab = await Lab.open();
    planes = await Promise.all(lab.hosts.map((host) => PlaneHost.open(host)));
    one = await lab.container(1, 11);
    two = await lab.container(2, 12);
    second = await lab.container(2, 13);
    all = [one, two, second];
    await tell({ kind: "facts", facts: factsOf(lab) });
    await update({ tasks: all, endpoints: [] });
    for (const task of all) expect(await attach(task)).toEqual({});
  });
  afterAll(async () => {
    for (const each of planes) await each[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  /** Tells all planes the same; it is rendered then. */
  async function tell(request: PlaneRequest): Promise<void> {
    for (const answer of await Promise.all(planes.map((each) => each.tell(request)))) expect(answer).toEqual({});
  }
  const update = (wish: Wish): Promise<void> => tell({ kind: "update", table: tableOf(wish) });

  beforeEach(() => update({ tasks: all, endpoints: [two, second] }));

  it("brings what is sent to a virtual address to tasks of another host", async () => {
    const names = new Set<string>();
    for (let time = 0; time < 24; time += 1) {
      const answer = await one.namespace.ask("tcp", VIP.ipv4, PORT);
      expect(answer).toMatchObject({ seen: insideOf(11).ipv4 });
      names.add(answer.name ?? "");
    }
    expect([...names].sort()).toEqual(["task12", "task13"]);
    expect(await one.namespace.ask("tcp", VIP.ipv6, PORT)).toMatchObject({ seen: insideOf(11).ipv6 });
  });

  it("answers a published port where no task is, and the task sees the client", async () => {
    await update({ tasks: all, endpoints: [two] });
    for (const host of lab.hosts) {
      for (const family of [4, 6] as const) {
        const answer = await lab.client.ask("tcp", underlayOf(host, family), 80);
        expect(answer).toEqual({ name: "task12", seen: underlayOf(CLIENT, family) });
      }
    }
  });

  it("answers a published port at the loopback of a host without tasks, by way of its own gateway", async () => {
    await update({ tasks: all, endpoints: [two] });
    const seen = nodeGateway(ADDRESSING, 3)?.ipv4;
    expect(await lab.host(3).namespace.ask("tcp", "127.0.0.1", 80)).toEqual({ name: "task12", seen });
  });

  it("sends a withdrawn task nothing new, and leaves it its connections", async () => {
    await update({ tasks: all, endpoints: [two] });
    const line = await one.namespace.open("tcp", VIP.ipv4, PORT);
    expect(await one.namespace.say(line)).toMatchObject({ name: "task12" });
    await update({ tasks: all, endpoints: [two, second] });
    await tell({ kind: "withdraw", tasks: [idOf(two)] });
    for (let time = 0; time < 12; time += 1) {
      expect(await one.namespace.ask("tcp", VIP.ipv4, PORT)).toMatchObject({ name: "task13" });
      expect(await lab.client.ask("tcp", underlayOf(lab.host(1)), 80)).toMatchObject({ name: "task13" });
    }
    expect(await one.namespace.say(line)).toMatchObject({ name: "task12" });
    await tell({ kind: "withdraw", tasks: [] });
  });

  it("answers names at the gateway, as the asker's networks have them", async () => {
    expect(await one.namespace.resolve(ADDRESSING.ipv4.gateway, "tasks.web")).toEqual({
      addresses: [insideOf(12).ipv4, insideOf(13).ipv4],
    });
    expect(await one.namespace.resolve(ADDRESSING.ipv4.gateway, "other.murmur.internal")).toEqual({
      error: "ENOTFOUND",
    });
  });

  it("finds what others have changed, and mends it", async () => {
    expect(await plane(2).tell({ kind: "check" })).toEqual({ differences: [] });
    await lab.host(2).namespace.run("nft delete table inet murmur");
    await two.namespace.run("nft delete table inet murmur");
    const { differences: found = [] } = await plane(2).tell({ kind: "check" });
    expect(new Set(found.map(({ where }) => where))).toEqual(new Set(["host", "container of task task12"]));
    const { differences: mended = [] } = await plane(2).tell({ kind: "repair" });
    expect(mended.length).toBe(found.length);
    expect(mended.every((difference) => difference.mended)).toBe(true);
    expect(await plane(2).tell({ kind: "check" })).toEqual({ differences: [] });
    expect(await two.namespace.ask("tcp", VIP.ipv4, PORT)).toMatchObject({ seen: insideOf(12).ipv4 });
  });

  it("has back at once what others take from its devices", async () => {
    const { namespace } = lab.host(1);
    const own = nodeGateway(ADDRESSING, 1)?.ipv6 ?? "";
    // As Docker does with all that it didn't give its bridge, whenever it starts.
    await namespace.ip(`address del ${own}/128 dev ${BRIDGE}`);
    const vxlan = "murmur-4097";
    await vi.waitFor(async () => expect(await namespace.run(`ip -6 address show dev ${BRIDGE}`)).toContain(own), SOON);
    await namespace.ip(`link del ${vxlan}`);
    await vi.waitFor(async () => expect(await namespace.run("ip link")).toContain(vxlan), SOON);
    await vi.waitFor(async () => expect(await plane(1).tell({ kind: "check" })).toEqual({ differences: [] }), SOON);
  });

  it("leaves a network that nothing leads to, and comes back to it", async () => {
    const devices = async () => JSON.parse(await lab.host(3).namespace.run("ip -j link show type vxlan")) as unknown[];
    expect(await devices()).toHaveLength(1);
    await update({ tasks: all, endpoints: [two], isInside: true });
    expect((await devices()).filter((device) => Object.keys(device as object).length > 0)).toEqual([]);
    expect(await one.namespace.ask("tcp", VIP.ipv4, PORT)).toMatchObject({ name: "task12" });
    await update({ tasks: all, endpoints: [two] });
    expect(await lab.client.ask("tcp", underlayOf(lab.host(3)), 80)).toMatchObject({ name: "task12" });
  });

  it("says why a container can't be attached", async () => {
    const task = taskId("lost");
    const container = { netns: "/proc/1/ns/no-such", addresses: [addressOf(one)] };
    expect((await plane(1).tell({ kind: "attach", task, container })).error).toMatch(/nsenter/);
    await lab.host(1).namespace.ip(`link set ${one.namespace.name} nomaster`);
    expect((await attach(one)).error).toContain(`is not connected to the bridge ${BRIDGE}`);
    await lab.host(1).namespace.ip(`link set ${one.namespace.name} master ${BRIDGE}`);
    expect(await attach(one)).toEqual({});
  });

  it("goes on when its process ends, and the next one finds all as it should be", async () => {
    await update({ tasks: all, endpoints: [two] });
    await plane(1)[Symbol.asyncDispose]();
    expect(await one.namespace.ask("tcp", VIP.ipv4, PORT)).toMatchObject({ name: "task12" });
    expect(await lab.client.ask("tcp", underlayOf(lab.host(1)), 80)).toMatchObject({ name: "task12" });
    await using next = await PlaneHost.open(lab.host(1));
    for (const request of [
      { kind: "facts", facts: factsOf(lab) },
      { kind: "update", table: tableOf({ tasks: all, endpoints: [two] }) },
    ] as const)
      expect(await next.tell(request)).toEqual({});
    const container = { netns: one.namespace.path, addresses: [addressOf(one)] };
    expect(await next.tell({ kind: "attach", task: idOf(one), container })).toEqual({});
    expect(await next.tell({ kind: "check" })).toEqual({ differences: [] });
  });
});
