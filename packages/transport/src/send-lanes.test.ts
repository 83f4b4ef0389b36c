import { beforeEach, describe, expect, it } from "vitest";
import { decodeFrame, encodeFrame } from "./frame.ts";
import { transportLimits } from "./limits.ts";
import { OutgoingItem } from "./outgoing-item.ts";
import { SendLanes } from "./send-lanes.ts";

const limits = transportLimits({
  frameBytesMax: 1024,
  bulkWindowBytes: 4096,
  linkBulkBytes: 5000,
  linkBytesMax: 10_000,
});
let messages: Uint8Array[];
let lanes: SendLanes;

beforeEach(() => {
  messages = [];
  const source = {
    get size() {
      return messages.length;
    },
    shift: () => messages.shift(),
  };
  lanes = new SendLanes(source, { limits, bulkWindowBytes: 4096 });
});

/** The next frames, as kind and id. */
function next(count: number, linkBytes = 0): string[] {
  const taken: string[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    const bytes = lanes.next(linkBytes);
    const frame = bytes === undefined ? undefined : decodeFrame(bytes);
    if (frame !== undefined) taken.push(`${frame.kind} ${frame.id}`);
  }
  return taken;
}

describe("the order of frames", () => {
  it("is control, then messages and small calls in turn, then bulk in turn", () => {
    lanes.item(new OutgoingItem("response", 7, new Uint8Array(3000)));
    lanes.item(new OutgoingItem("response", 9, new Uint8Array(1500)));
    for (const id of [1, 3]) lanes.item(new OutgoingItem("request", id, new Uint8Array(10)));
    messages.push(new Uint8Array(10), new Uint8Array(10), new Uint8Array(10));
    lanes.control(encodeFrame({ kind: "ping" }));
    expect(next(20)).toEqual([
      "ping 0",
      "request 1",
      "message 0",
      "request 3",
      "message 0",
      "message 0",
      "response 7",
      "response 9",
      "response 7",
      "response 9",
      "response 7",
    ]);
  });

  it("keeps a large message whole before the next", () => {
    messages.push(new Uint8Array(2500), new Uint8Array(10));
    const sizes: number[] = [];
    for (let frame = lanes.next(0); frame !== undefined; frame = lanes.next(0)) sizes.push(frame.length);
    expect(sizes).toEqual([1024, 1024, 467, 15]);
  });

  it("lets bulk through now and then, however much is urgent", () => {
    lanes.item(new OutgoingItem("response", 7, new Uint8Array(4000)));
    for (let count = 0; count < 200; count += 1) messages.push(new Uint8Array(1));
    const order = next(100);
    expect(order.slice(0, 34).indexOf("response 7")).toBe(32);
    expect(order.filter((frame) => frame === "response 7")).toHaveLength(3);
  });
});

describe("what is on its way", () => {
  it("is bounded for bulk until the other side has it", () => {
    lanes.item(new OutgoingItem("response", 7, new Uint8Array(20_000)));
    expect(next(20)).toHaveLength(4);
    messages.push(new Uint8Array(1));
    expect(next(20)).toEqual(["message 0"]);
    lanes.arrived(2048);
    expect(next(20)).toHaveLength(2);
  });

  it("waits for the link, bulk first", () => {
    lanes.item(new OutgoingItem("response", 7, new Uint8Array(2000)));
    messages.push(new Uint8Array(1));
    expect(next(5, 5000)).toEqual(["message 0"]);
    messages.push(new Uint8Array(1));
    lanes.control(encodeFrame({ kind: "ping" }));
    expect(next(5, 10_000)).toEqual([]);
    expect(next(5, 4999)).toEqual(["ping 0", "message 0", "response 7", "response 7"]);
  });

  it("does not grow with control frames that the link won't take", () => {
    const taken = Array.from({ length: limits.controlFramesMax + 1 }, () =>
      lanes.control(encodeFrame({ kind: "pong" })),
    );
    expect(taken.filter((ok) => !ok)).toHaveLength(1);
  });

  it("ends with an item that is withdrawn", () => {
    const [large, small] = [
      new OutgoingItem("request", 1, new Uint8Array(3000)),
      new OutgoingItem("request", 3, new Uint8Array(3)),
    ];
    lanes.item(large);
    lanes.item(small);
    small.withdraw();
    expect([small.sent, large.sent]).toEqual([false, false]);
    expect(next(1)).toEqual(["request 1"]);
    large.withdraw();
    expect([small.sent, large.sent]).toEqual([false, true]);
    expect(next(5)).toEqual([]);
    expect(lanes.busy).toBe(false);
  });
});
