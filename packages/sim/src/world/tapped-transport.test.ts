import { ManualClock, nodeId, SeededRandom, silentLog, type NodeId } from "@murmur/base";
import { MemoryNetwork } from "@murmur/transport";
import { expect, it } from "vitest";
import { EventQueue } from "./event-queue.ts";
import { Process } from "./process.ts";
import { tappedTransport } from "./tapped-transport.ts";

const [A, B] = [nodeId("a"), nodeId("b")];

it("sends copies of messages later, but none once its node has left", async () => {
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  const network = new MemoryNetwork({ clock, random });
  const addressOf = (id: NodeId): string => `${id}:1`;
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const open = (id: NodeId) => network.openPeerTransport({ nodeId: id, address: addressOf(id), addressOf, log });
  const other = open(B);
  const heard: unknown[] = [];
  other.onMessage("raft", (_from, message) => void heard.push(message));
  const ignore = (): void => {};
  const transport = tappedTransport(open(A), {
    process: new Process({
      queue: new EventQueue(),
      clockError: { rate: 1, wallMs: 0 },
      onWork: ignore,
      onFuse: ignore,
    }),
    faults: { loss: 0, duplicates: 1, replayMs: 1_000 },
    clock,
    random,
    sent: ignore,
    calls: ignore,
    called: ignore,
    answered: ignore,
  });
  transport.connect(B);
  for (let at = 0; at < 10; at += 1) await clock.advance(10);
  transport.send(B, "raft", "one");
  for (let at = 0; at < 150; at += 1) await clock.advance(10);
  expect(heard).toEqual(["one", "one"]);
  transport.send(B, "raft", "two");
  await clock.advance(0);
  await transport[Symbol.asyncDispose]();
  for (let at = 0; at < 150; at += 1) await clock.advance(10);
  expect(warnings).toEqual([]);
});
