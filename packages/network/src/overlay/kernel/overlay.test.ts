import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { insideOf, Lab, underlayOf, type Container, type Wish } from "../testing/lab.ts";
import type { Namespace } from "../testing/namespace.ts";
import { PORT } from "../testing/peer.ts";

const FAMILIES = [4, 6] as const;
const PROTOCOLS = ["tcp", "udp"] as const;
const insideAddress = (number: number, family: 4 | 6): string => insideOf(number)[family === 4 ? "ipv4" : "ipv6"];

// Hundreds of processes, on a machine that may be busy: only what hangs should fail for its time.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

/** The real kernel: three hosts, their containers and a client, each a network namespace. Needs root and the tools. */
describe("traffic in the overlay of three hosts", () => {
  let lab: Lab;
  /** Of host 1, 2, 2 and 3. */
  let one: Container;
  let two: Container;
  let second: Container;
  let three: Container;
  let all: readonly Container[];

  beforeAll(async () => {
    lab = await Lab.open();
    one = await lab.container(1, 11);
    two = await lab.container(2, 12);
    second = await lab.container(2, 13);
    three = await lab.container(3, 14);
    all = [one, two, second, three];
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  interface Choosing {
    readonly endpoints: readonly Container[];
    readonly balancing?: "random" | "roundRobin" | "sourceHash";
    readonly localFirst?: boolean;
    readonly tasks?: readonly Container[];
  }

  /** One service, at virtual address 2 and at port 80 of every host. */
  const wish = ({ endpoints, balancing = "roundRobin", localFirst = false, tasks = all }: Choosing): Wish => ({
    tasks,
    services: [{ vip: 2, endpoints, balancing }],
    ports: PROTOCOLS.map((protocol) => ({ protocol, port: 80, targetPort: PORT, balancing, localFirst, endpoints })),
  });

  /** Who answers so many new flows, sorted; whoever it is must see `seen`. */
  async function answerers(from: Namespace, target: { host: string; port: number; seen: string; times?: number }) {
    const names = new Set<string>();
    for (let time = 0; time < (target.times ?? 4); time += 1) {
      const answer = await from.ask("tcp", target.host, target.port);
      expect(answer).toMatchObject({ seen: target.seen });
      names.add(answer.name ?? "");
    }
    return [...names].sort();
  }

  it("joins containers of different hosts by their addresses", async () => {
    await lab.render(wish({ endpoints: [] }));
    for (const family of FAMILIES) {
      for (const protocol of PROTOCOLS) {
        const answer = await one.namespace.ask(protocol, insideAddress(14, family), PORT);
        expect(answer).toEqual({ name: "task14", seen: insideAddress(11, family) });
      }
    }
  });

  it("brings flows to a virtual address to each of the tasks, which see the source", async () => {
    await lab.render(wish({ endpoints: [two, second, three] }));
    for (const family of FAMILIES) {
      for (const from of [one, two]) {
        const seen = insideAddress(from.number, family);
        const target = { host: insideAddress(2, family), port: PORT, seen, times: 6 };
        expect(await answerers(from.namespace, target)).toEqual(["task12", "task13", "task14"]);
      }
      const answer = await one.namespace.ask("udp", insideAddress(2, family), PORT);
      expect(answer.seen).toBe(insideAddress(11, family));
    }
  });

  it("answers a published port on a host without a task, and the task sees the client", async () => {
    await lab.render(wish({ endpoints: [three] }));
    for (const family of FAMILIES) {
      for (const host of lab.hosts) {
        for (const protocol of PROTOCOLS) {
          const answer = await lab.client.ask(protocol, underlayOf(host, family), 80);
          expect(answer).toEqual({ name: "task14", seen: underlayOf({ number: 9 }, family) });
        }
      }
    }
  });

  it("answers a published port to the hosts themselves and to containers, who are seen as well", async () => {
    await lab.render(wish({ endpoints: [two] }));
    for (const family of FAMILIES) {
      for (const host of lab.hosts) {
        const answer = await host.namespace.ask("tcp", underlayOf(lab.host(1), family), 80);
        expect(answer).toEqual({ name: "task12", seen: underlayOf(host, family) });
      }
      // Each asks its own host, which sends it back into the segment: to another host, to the same, to itself.
      for (const from of [one, second]) {
        const answer = await from.namespace.ask("tcp", underlayOf(from.host, family), 80);
        expect(answer).toEqual({ name: "task12", seen: insideAddress(from.number, family) });
      }
      expect(await two.namespace.ask("tcp", underlayOf(two.host, family), 80)).toMatchObject({ name: "task12" });
    }
  });

  it("leaves the loopback's ports to the host's own programs", async () => {
    await lab.render(wish({ endpoints: [two] }));
    expect(await lab.host(1).namespace.ask("tcp", "127.0.0.1", 80)).toEqual({ error: "ECONNREFUSED" });
    expect(await lab.host(1).namespace.ask("tcp", "::1", 80)).toEqual({ error: "ECONNREFUSED" });
  });

  it("answers a port that is bound to one address on no other, and several services at the same port", async () => {
    const bound = (address: string, endpoints: readonly Container[]) =>
      ({
        protocol: "tcp",
        address,
        port: 81,
        targetPort: PORT,
        balancing: "random",
        localFirst: false,
        endpoints,
      }) as const;
    const [first, other, ipv6] = [underlayOf(lab.host(1)), underlayOf(lab.host(2)), underlayOf(lab.host(1), 6)];
    await lab.render({ tasks: all, ports: [bound(first, [two]), bound(other, [three]), bound(ipv6, [one])] });
    expect(await lab.client.ask("tcp", first, 81)).toMatchObject({ name: "task12" });
    expect(await lab.client.ask("tcp", other, 81)).toMatchObject({ name: "task14" });
    expect(await lab.client.ask("tcp", ipv6, 81)).toMatchObject({ name: "task11" });
    expect(await lab.client.ask("tcp", underlayOf(lab.host(3)), 81)).toEqual({ error: "ECONNREFUSED" });
  });

  it("prefers tasks of the own host where that is asked for", async () => {
    await lab.render(wish({ endpoints: [one, two, three], localFirst: true }));
    const seen = underlayOf({ number: 9 });
    for (const [host, name] of [
      [1, "task11"],
      [2, "task12"],
      [3, "task14"],
    ] as const) {
      expect(await answerers(lab.client, { host: underlayOf(lab.host(host)), port: 80, seen })).toEqual([name]);
    }
    await lab.render(wish({ endpoints: [two, three], localFirst: true }));
    const target = { host: underlayOf(lab.host(1)), port: 80, seen };
    expect(await answerers(lab.client, target)).toEqual(["task12", "task14"]);
  });

  it("brings a client to the same task from every host, by the hash of its address", async () => {
    await lab.render(wish({ endpoints: all, balancing: "sourceHash" }));
    const seen = underlayOf({ number: 9 });
    const names = await Promise.all(
      lab.hosts.map((host) => answerers(lab.client, { host: underlayOf(host), port: 80, seen })),
    );
    expect(new Set(names.flat()).size).toBe(1);
  });

  describe("when tasks come and go", () => {
    beforeEach(() => lab.render(wish({ endpoints: [] })));

    it("refuses what nobody can take, at once, and remembers nothing of it", async () => {
      const published = underlayOf(lab.host(1));
      const lines = [
        [lab.client, await lab.client.open("udp", published, 80)],
        [one.namespace, await one.namespace.open("udp", insideAddress(2, 4), PORT)],
      ] as const;
      for (const family of FAMILIES) {
        expect(await lab.client.ask("tcp", underlayOf(lab.host(1), family), 80)).toEqual({ error: "ECONNREFUSED" });
        expect(await one.namespace.ask("tcp", insideAddress(2, family), PORT)).toEqual({ error: "ECONNREFUSED" });
      }
      for (const [from, line] of lines) expect(await from.say(line)).toEqual({ error: "ECONNREFUSED" });
      await lab.render(wish({ endpoints: [three] }));
      for (const [from, line] of lines) expect(await from.say(line)).toMatchObject({ name: "task14" });
    });

    it("gives a UDP flow that was there before the port to a task", async () => {
      await lab.render({ tasks: all });
      const line = await lab.client.open("udp", underlayOf(lab.host(1)), 80);
      expect(await lab.client.say(line)).toEqual({ error: "ECONNREFUSED" });
      await lab.render(wish({ endpoints: [three] }));
      expect(await lab.client.say(line)).toMatchObject({ name: "task14" });
    });

    it("takes UDP flows from a task that is withdrawn, and leaves it its connections", async () => {
      await lab.render(wish({ endpoints: [two] }));
      const published = underlayOf(lab.host(1));
      const openAll = async (protocol: "tcp" | "udp") =>
        [
          [lab.client, await lab.client.open(protocol, published, 80)],
          [one.namespace, await one.namespace.open(protocol, insideAddress(2, 4), PORT)],
          [one.namespace, await one.namespace.open(protocol, insideAddress(2, 6), PORT)],
        ] as const;
      const [connections, flows] = [await openAll("tcp"), await openAll("udp")];
      for (const [from, line] of [...connections, ...flows]) {
        expect(await from.say(line)).toMatchObject({ name: "task12" });
      }
      await lab.render(wish({ endpoints: [three] }));
      for (const [from, line] of flows) expect(await from.say(line)).toMatchObject({ name: "task14" });
      for (const [from, line] of connections) expect(await from.say(line)).toMatchObject({ name: "task12" });
      const seen = underlayOf({ number: 9 });
      expect(await answerers(lab.client, { host: published, port: 80, seen, times: 8 })).toEqual(["task14"]);
    });

    it("ends the connections to a task that is gone, and no others", async () => {
      await lab.render(wish({ endpoints: [two, three] }));
      const lines: (readonly [Namespace, number, string])[] = [];
      for (let count = 0; count < 6; count += 1) {
        for (const [from, host, port] of [
          [lab.client, underlayOf(lab.host(1)), 80],
          [one.namespace, insideAddress(2, 4), PORT],
        ] as const) {
          const line = await from.open("tcp", host, port);
          lines.push([from, line, (await from.say(line)).name ?? ""]);
        }
      }
      expect(new Set(lines.map(([, , name]) => name)).size).toBe(2);
      await lab.render(wish({ endpoints: [three], tasks: [one, second, three] }));
      for (const [from, line, name] of lines) {
        const answer = await from.say(line);
        if (name === "task14") expect(answer).toMatchObject({ name });
        else expect(answer).toEqual({ error: "ECONNRESET" });
      }
    });
  });
});
