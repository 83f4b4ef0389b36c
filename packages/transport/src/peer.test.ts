import { ClusterError, ManualClock, nodeId, Scope, SeededRandom, silentLog } from "@murmur/base";
import { beforeEach, describe, expect, it } from "vitest";
import { ChannelCounters } from "./channel-stats.ts";
import { handlerTable } from "./handlers.ts";
import type { Hello } from "./hello.ts";
import { transportLimits } from "./limits.ts";
import type { Connector, Dialled } from "./link.ts";
import { MemoryLink } from "./memory-link.ts";
import { Peer } from "./peer.ts";
import { encodeFrame } from "./frame.ts";

const [ALPHA, BRAVO] = [nodeId("alpha00000000000000000000"), nodeId("bravo00000000000000000000")];
const limits = transportLimits({ dialTimeoutMs: 1000 });
const self = { software: "1", protocolMin: 1, protocolMax: 1, streamWindowBytes: 100_000, bulkWindowBytes: 200_000 };
const bravoHello = (connection: string): Hello => ({ ...self, nodeId: BRAVO, instance: "b", connection, closed: [] });

let clock: ManualClock;
let dials: { at: number; settle: (outcome: Dialled | Error) => void }[];
let events: string[];
let peer: Peer;

beforeEach(() => {
  clock = new ManualClock();
  dials = [];
  events = [];
  const connector: Connector = {
    address: "alpha:1",
    listen: () => {},
    identityChanged: () => {},
    dial: (_to, _address, { signal }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        const settle = (outcome: Dialled | Error): void =>
          outcome instanceof Error ? reject(outcome) : resolve(outcome);
        dials.push({ at: clock.monotonic(), settle });
      }),
    [Symbol.asyncDispose]: async () => {},
  };
  peer = new Peer(BRAVO, {
    self: { ...self, nodeId: ALPHA, instance: "a" },
    addressOf: () => "bravo:1",
    handlers: handlerTable(),
    counters: new ChannelCounters(),
    scope: new Scope(silentLog),
    onUp: () => events.push("up"),
    onDown: (_id, reason) => events.push(`down ${reason}`),
    onIdle: () => events.push("idle"),
    connector,
    clock,
    random: new SeededRandom(1),
    log: silentLog,
    limits,
  });
});

const pair = (): [MemoryLink, MemoryLink] => {
  const end = { clock, latency: () => 1, enter: (work: () => void) => work(), onEnded: () => {} };
  return MemoryLink.pair(end, end);
};
const refused = new ClusterError("unavailable", "refused");

describe("attempts to reach a peer", () => {
  it("are made again after 50 ms, later after 2 s, jittered, while there is interest", async () => {
    for (let turn = 0; turn < 12; turn += 1) {
      peer.want();
      for (let waited = 0; waited < 2000 && dials.length <= turn; waited += 1) await clock.advance(1);
      dials[turn]?.settle(refused);
      await clock.advance(0);
    }
    const waits = dials.slice(1).map(({ at }, index) => at - (dials[index]?.at ?? 0));
    for (const [index, wait] of waits.entries()) {
      const longest = Math.min(2000, 100 * 2 ** index);
      expect(wait).toBeGreaterThanOrEqual(longest / 2);
      expect(wait).toBeLessThanOrEqual(longest + 1);
    }
    expect(new Set(waits).size).toBeGreaterThan(8);
  });

  it("end after a second without an answer", async () => {
    const waiting = peer.ready({ timeoutMs: 5000, signal: undefined }).catch((error: unknown) => error);
    await clock.advance(1000);
    expect(await waiting).toMatchObject({ code: "unavailable", message: expect.stringContaining("1000 ms") });
  });

  it("are made at once for a call, but not within 50 ms of the last", async () => {
    const call = (): Promise<unknown> =>
      peer.ready({ timeoutMs: 5000, signal: undefined }).catch((error: unknown) => error);
    // After some failures the next attempt is more than a second away.
    for (let turn = 0; turn < 8; turn += 1) {
      const failed = call();
      dials.at(-1)?.settle(refused);
      await failed;
      await clock.advance(50);
    }
    expect(dials).toHaveLength(8);
    const first = call();
    expect(dials).toHaveLength(9);
    dials.at(-1)?.settle(refused);
    await first;
    await clock.advance(49);
    const second = call();
    expect(dials).toHaveLength(9);
    await clock.advance(1);
    const third = call();
    expect(dials).toHaveLength(10);
    dials.at(-1)?.settle(refused);
    expect(await Promise.all([second, third])).toMatchObject([{ code: "unavailable" }, { code: "unavailable" }]);
  });

  it("don't make two connections of one that came meanwhile", async () => {
    peer.want();
    const [own, others] = pair();
    peer.established(own, bravoHello("theirs"), false);
    const [late] = pair();
    dials[0]?.settle({ link: late, hello: bravoHello("ours") });
    await clock.advance(0);
    // Alpha's id is the smaller: its own dial wins, and the other connection retires.
    expect(peer.active?.dialled).toBe(true);
    expect(peer.connections).toHaveLength(2);
    others.attach({ frame: () => {}, drained: () => {}, closed: () => {} });
    others.send(encodeFrame({ kind: "retire" }));
    await clock.advance(5);
    expect(peer.connections).toHaveLength(1);
    expect(events).toEqual(["up"]);
  });

  it("decide whether a peer is down that retires its connection meanwhile", async () => {
    peer.want();
    const [own, others] = pair();
    peer.established(own, bravoHello("theirs"), false);
    others.attach({ frame: () => {}, drained: () => {}, closed: () => {} });
    others.send(encodeFrame({ kind: "retire" }));
    await clock.advance(5);
    expect(events).toEqual(["up"]);
    dials[0]?.settle(refused);
    await clock.advance(0);
    expect(events).toEqual(["up", "down lost"]);
  });
});
