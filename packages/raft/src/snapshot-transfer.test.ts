import { assert, nodeId, SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { membershipOf } from "./membership.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender, type SnapshotSenderOptions } from "./snapshot-sender.ts";
import type { SnapshotAnswer, SnapshotChunk, SnapshotOffer } from "./snapshot-transfer.ts";

const A = nodeId("a");
const B = nodeId("b");
const META = { index: 9, term: 2, membership: membershipOf([A, B]) };
const BYTES = Uint8Array.from({ length: 1000 }, (_, at) => (at * 7) % 251);

const senderOf = (options: Partial<SnapshotSenderOptions> = {}): SnapshotSender =>
  new SnapshotSender({
    from: A,
    to: B,
    term: 3,
    meta: META,
    totalBytes: BYTES.length,
    content: "digest",
    chunkBytes: 100,
    windowChunks: 3,
    retryTicks: 2,
    giveUpTicks: 20,
    ...options,
  });

/** The receiving driver: its disk, and how often it had to begin. */
class Receiving {
  readonly receiver = new SnapshotReceiver({ id: B, maxBytes: 5000 });
  file = new Uint8Array(0);
  begun = 0;
  installed = 0;

  take(message: SnapshotOffer | SnapshotChunk): SnapshotAnswer | undefined {
    const step = this.receiver.step(message);
    switch (step.kind) {
      case "answer":
        return step.answer;
      case "begin":
        this.begun += 1;
        this.file = new Uint8Array(step.content.totalBytes);
        return step.answer;
      case "write": {
        this.file.set(step.data, step.offset);
        const written = this.receiver.written(step.content, step.offset + step.data.byteLength);
        assert(written !== undefined, "the write belongs to the transfer");
        if (written.complete !== undefined) {
          expect(written.complete).toEqual({ kind: "snapshot", from: A, to: B, term: 3, snapshot: META });
          this.installed += 1;
        }
        return written.answer;
      }
    }
  }
}

/** All that the sender has to say now. */
function* outgoing(sender: SnapshotSender): Generator<SnapshotOffer | SnapshotChunk> {
  for (let step = sender.next(); step !== undefined; step = sender.next()) {
    if (step.kind === "send") yield step.message;
    else yield sender.chunk(step.offset, BYTES.slice(step.offset, step.offset + step.length));
  }
}

describe("a snapshot's transfer", () => {
  it("offers first, then keeps a window of chunks in flight", () => {
    const sender = senderOf();
    expect([...outgoing(sender)].map(({ kind }) => kind)).toEqual(["snapshotOffer"]);
    const answer: SnapshotAnswer = {
      kind: "snapshotAnswer",
      from: B,
      to: A,
      term: 3,
      content: "digest",
      received: 250,
      state: "receiving",
    };
    sender.answered(answer);
    const offsets = [...outgoing(sender)].map((message) => (message.kind === "snapshotChunk" ? message.offset : -1));
    expect(offsets).toEqual([250, 350, 450]);
    sender.answered({ ...answer, received: 350 });
    expect([...outgoing(sender)]).toHaveLength(1);
    sender.answered({ ...answer, content: "other", received: 900 });
    expect(sender.acknowledgedBytes).toBe(350);
  });

  it("gives up when nothing comes back", () => {
    const sender = senderOf();
    let offers = 0;
    for (let tick = 0; tick < 20; tick += 1) {
      offers += [...outgoing(sender)].length;
      sender.tick();
    }
    expect(sender.outcome).toBe("failed");
    expect(offers).toBe(10);
    expect([...outgoing(sender)]).toEqual([]);
  });

  it("goes on with the same content from another sender, and starts over with other content", () => {
    const receiving = new Receiving();
    const run = (sender: SnapshotSender, messages: number): void => {
      for (let left = messages; left > 0; left -= 1) {
        const [message] = outgoing(sender);
        if (message === undefined) return;
        const answer = receiving.take(message);
        if (answer !== undefined) sender.answered(answer);
      }
    };
    run(senderOf({ windowChunks: 1 }), 4);
    const second = senderOf({ windowChunks: 1 });
    run(second, 1);
    expect(second.acknowledgedBytes).toBe(300);
    run(second, 100);
    expect([second.outcome, receiving.begun, receiving.installed]).toEqual(["finished", 1, 1]);
    expect(receiving.file).toEqual(BYTES);
    run(senderOf({ content: "newer" }), 1);
    expect(receiving.begun).toBe(2);
  });

  it("refuses what is too large, and what an older term offers meanwhile", () => {
    const receiver = new SnapshotReceiver({ id: B, maxBytes: 500 });
    const [large] = outgoing(senderOf());
    const [small] = outgoing(senderOf({ totalBytes: 400, content: "small" }));
    const [stale] = outgoing(senderOf({ totalBytes: 300, content: "stale", term: 2 }));
    assert(large !== undefined && small !== undefined && stale !== undefined, "senders offer");
    expect(receiver.step(large)).toMatchObject({ kind: "answer", answer: { state: "unknown" } });
    expect(receiver.step(small)).toMatchObject({ kind: "begin" });
    expect(receiver.step(stale)).toMatchObject({ kind: "answer", answer: { state: "unknown" } });
    expect(receiver.incoming?.content).toBe("small");
  });

  it("forgets a write that belonged to a transfer since replaced, or dropped", () => {
    const receiver = new SnapshotReceiver({ id: B, maxBytes: 5000 });
    const first = senderOf();
    const [offer] = outgoing(first);
    assert(offer !== undefined, "the sender offers");
    receiver.step(offer);
    expect(receiver.step(first.chunk(0, BYTES.slice(0, 100))).kind).toBe("write");
    receiver.drop();
    expect(receiver.written("digest", 100)).toBeUndefined();
    expect(receiver.step(first.chunk(100, BYTES.slice(100, 200)))).toMatchObject({ answer: { state: "unknown" } });
  });

  it("arrives whole over a network that loses, doubles and reorders", () => {
    for (let seed = 0; seed < 100; seed += 1) {
      const random = new SeededRandom(seed);
      const sender = senderOf({ giveUpTicks: 1000 });
      const receiving = new Receiving();
      const wire: (SnapshotOffer | SnapshotChunk | SnapshotAnswer)[] = [];
      for (let turn = 0; turn < 5000 && sender.outcome === "running"; turn += 1) {
        wire.push(...outgoing(sender));
        if (wire.length === 0 || random.below(10) === 0) sender.tick();
        const at = random.below(3) > 0 ? 0 : random.below(wire.length);
        const message = wire[at];
        if (random.below(10) > 0) wire.splice(at, 1);
        if (message === undefined || random.below(5) === 0) continue;
        const answer = message.kind === "snapshotAnswer" ? undefined : receiving.take(message);
        if (answer !== undefined) wire.push(answer);
        if (message.kind === "snapshotAnswer") sender.answered(message);
      }
      expect([seed, sender.outcome, receiving.installed]).toEqual([seed, "finished", 1]);
      expect(receiving.file).toEqual(BYTES);
    }
  });
});
