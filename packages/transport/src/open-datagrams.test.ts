import { ManualClock, SeededRandom, silentLog } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { type DatagramHandlers, type Datagrams } from "./datagrams.ts";
import { MemoryNetwork } from "./memory-network.ts";
import { openDatagrams } from "./open-datagrams.ts";
import { until } from "./test-world.ts";

/** "Seals" with a leading byte; enough to tell ours from others'. */
function sealedBy(key: number): { handlers: DatagramHandlers; got: [string, number[]][] } {
  const got: [string, number[]][] = [];
  const handlers: DatagramHandlers = {
    seal: (bytes) => Uint8Array.from([key, ...bytes]),
    open: (bytes) => (bytes[0] === key ? bytes.subarray(1) : undefined),
    onPacket: (from, bytes) => {
      if (bytes[0] === 99) throw new Error("handler");
      got.push([from, [...bytes]]);
    },
  };
  return { handlers, got };
}

const open = (host: string, handlers: DatagramHandlers): Promise<Datagrams> =>
  openDatagrams({ listen: { host, port: 0 }, log: silentLog, ...handlers });

describe("openDatagrams", () => {
  it("carries sealed packets, with the sender's address", async () => {
    const [left, right] = [sealedBy(1), sealedBy(1)];
    await using one = await open("127.0.0.1", left.handlers);
    await using two = await open("127.0.0.2", right.handlers);
    one.send(two.address, new Uint8Array([5, 6]));
    await until(() => right.got.length === 1);
    expect(right.got).toEqual([[one.address, [5, 6]]]);
    two.send(one.address, new Uint8Array([7]));
    await until(() => left.got.length === 1);
    expect(one.stats()).toMatchObject({ sent: 1, sentBytes: 3, received: 1, receivedBytes: 2, unopened: 0, failed: 0 });
  });

  it("counts what it cannot open, and what its handler fails at", async () => {
    const [left, right] = [sealedBy(1), sealedBy(2)];
    await using one = await open("127.0.0.1", left.handlers);
    await using two = await open("127.0.0.1", right.handlers);
    one.send(two.address, new Uint8Array([5]));
    await until(() => two.stats().unopened === 1);
    two.send(two.address, new Uint8Array([99]));
    await until(() => two.stats().received === 2);
    expect(right.got).toEqual([]);
  });

  it("counts what it cannot send, and throws nothing", async () => {
    await using one = await open("127.0.0.1", sealedBy(1).handlers);
    for (const to of ["host.example:1", "nonsense", "[::1]:9"]) one.send(to, new Uint8Array(1));
    one.send("127.0.0.1:9", new Uint8Array(70_000));
    expect(one.stats().failed).toBe(4);
  });

  it("speaks with IPv4 and IPv6 from one socket", async () => {
    const [both, four] = [sealedBy(1), sealedBy(1)];
    await using dual = await open("::", both.handlers);
    await using old = await open("127.0.0.1", four.handlers);
    const port = dual.address.split(":").at(-1);
    old.send(`127.0.0.1:${port}`, new Uint8Array([1]));
    await until(() => both.got.length === 1);
    expect(both.got[0]?.[0]).toBe(old.address);
    dual.send(old.address, new Uint8Array([2]));
    await until(() => four.got.length === 1);
    dual.send(`[::1]:${port}`, new Uint8Array([3]));
    await until(() => both.got.length === 2);
    expect(both.got[1]).toEqual([`[::1]:${port}`, [3]]);
  });

  it("refuses a name to listen on, and a port in use", async () => {
    const { handlers } = sealedBy(1);
    await expect(open("localhost", handlers)).rejects.toMatchObject({ code: "invalid_argument" });
    await using one = await open("127.0.0.1", handlers);
    const port = Number(one.address.split(":")[1]);
    const again = openDatagrams({ listen: { host: "127.0.0.1", port }, log: silentLog, ...handlers });
    await expect(again).rejects.toMatchObject({ code: "port_conflict" });
  });
});

describe("MemoryNetwork datagrams", () => {
  it("arrive after their latency, unless cut, lost or sealed by another", async () => {
    const clock = new ManualClock();
    const network = new MemoryNetwork({ clock, random: new SeededRandom(1), latencyMs: [5, 5] });
    const [left, right, other] = [sealedBy(1), sealedBy(1), sealedBy(2)];
    const one = network.openDatagrams("one:1", left.handlers);
    const two = network.openDatagrams("two:1", right.handlers);
    const three = network.openDatagrams("three:1", other.handlers);
    one.send("two:1", new Uint8Array([1]));
    await clock.advance(4);
    expect(right.got).toEqual([]);
    await clock.advance(1);
    expect(right.got).toEqual([["one:1", [1]]]);
    network.cut("one:1", "two:1");
    one.send("two:1", new Uint8Array([2]));
    three.send("two:1", new Uint8Array([3]));
    one.send("nowhere:1", new Uint8Array([4]));
    await clock.advance(5);
    expect(right.got).toHaveLength(1);
    expect(two.stats()).toMatchObject({ received: 2, unopened: 1 });
    network.heal("one:1", "two:1");
    network.set({ loss: 1 });
    one.send("two:1", new Uint8Array([5]));
    await clock.advance(5);
    expect(right.got).toHaveLength(1);
  });
});
