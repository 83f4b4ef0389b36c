import { ClusterError, ManualClock, nodeId, SeededRandom, silentLog, type NodeId } from "@murmur/base";
import { MemoryNetwork, type PeerTransport } from "@murmur/transport";
import { beforeEach, expect, it } from "vitest";
import { serveHttp, TASKS_METHOD } from "./http-stream.ts";
import { askAboutTasks } from "./task-questions.ts";
import { during as passing } from "./testing/simulated-time.ts";

const [ASKER, NODE] = [nodeId("a"), nodeId("b")];

let clock: ManualClock;
let network: MemoryNetwork;
let transport: PeerTransport;
let isDown: boolean;
let attempts: number;

const open = (id: NodeId): PeerTransport => {
  const addressOf = (of: NodeId): string => `${of}:1`;
  return network.openPeerTransport({ nodeId: id, address: addressOf(id), addressOf, log: silentLog });
};
/** Asks, and lets so much time pass at the most. */
const ask = (init?: RequestInit, limitMs = 10_000): Promise<Response> => {
  const counted: PeerTransport = Object.create(transport, {
    open: { value: (...args: Parameters<PeerTransport["open"]>) => ((attempts += 1), transport.open(...args)) },
  });
  const node = { transport: counted, node: NODE, isDown: () => isDown, clock };
  return passing(clock, askAboutTasks(node, new Request("http://murmur/logs", init)), { stepMs: 10, limitMs });
};
/** The node is there from now on, and says back what it is sent. */
const comes = (): void => {
  open(NODE).handleStream(TASKS_METHOD, (_from, body, stream) =>
    serveHttp(stream, body, async (request) => new Response(await request.text())),
  );
};

beforeEach(() => {
  clock = new ManualClock();
  network = new MemoryNetwork({ clock, random: new SeededRandom(1) });
  transport = open(ASKER);
  isDown = false;
  attempts = 0;
});

it("asks a node again that is there a moment later, with the whole request", async () => {
  clock.setTimer(150, comes);
  const answer = await ask({ method: "POST", body: "what do they say?" });
  expect(await passing(clock, answer.text(), { stepMs: 1, limitMs: 1_000 })).toBe("what do they say?");
  expect(attempts).toBeGreaterThan(1);
});

it("gives up after three attempts", async () => {
  await expect(ask()).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("b:1") });
  expect(attempts).toBe(3);
  expect(clock.monotonic()).toBeLessThan(1_000);
});

it("asks no more once the node is known to be down", async () => {
  clock.setTimer(50, () => void (isDown = true));
  await expect(ask()).rejects.toMatchObject({ code: "unavailable", message: "it is down" });
  expect(attempts).toBe(1);
});

it("asks no more once nobody waits for the answer", async () => {
  const reader = new AbortController();
  clock.setTimer(50, () => reader.abort(new Error("gone")));
  await expect(ask({ signal: reader.signal })).rejects.toThrow("gone");
  expect(attempts).toBe(1);
});

it("doesn't ask again what the node may have done", async () => {
  let asked = 0;
  open(NODE).handleStream(TASKS_METHOD, async (_from, _body, stream) => {
    asked += 1;
    stream.abort(new ClusterError("unavailable", "it is being stopped"));
  });
  await expect(ask({ method: "POST", body: "run" })).rejects.toMatchObject({ code: "unavailable" });
  expect([asked, attempts]).toEqual([1, 1]);
});
