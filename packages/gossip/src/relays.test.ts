import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { LoneCore, packets } from "./testing/lone-core.ts";

describe("a probe for another", () => {
  const request = {
    kind: "pingReq",
    number: 5,
    target: nodeId("t"),
    address: "t:9",
    timeoutMs: 200,
    wantsNack: true,
  } as const;

  it("passes the ack on", () => {
    const bench = new LoneCore();
    const [ping] = packets(bench.receive("asker", request));
    expect(ping).toMatchObject({ to: "t:9", message: { kind: "ping", target: "t" } });
    const number = ping?.message.kind === "ping" ? ping.message.number : 0;
    expect(bench.receive("stranger", { kind: "ack", number })).toEqual([]);
    const [ack] = packets(bench.receive("t", { kind: "ack", number }));
    expect(ack).toMatchObject({ to: "asker:1", message: { kind: "ack", number: 5 } });
    expect(bench.receive("t", { kind: "ack", number })).toEqual([]);
  });

  it("says in time that there was no ack", () => {
    const bench = new LoneCore();
    bench.receive("asker", request);
    expect(packets(bench.run(159))).toEqual([]);
    expect(packets(bench.run(1))).toMatchObject([{ to: "asker:1", message: { kind: "nack", number: 5 } }]);
    bench.run(40);
    expect(bench.swim.health().relays).toBe(0);
  });

  it("is refused at once when there are too many", () => {
    const bench = new LoneCore({ relaysMax: 1 });
    bench.receive("asker", request);
    const answer = packets(bench.receive("asker", { ...request, number: 6 }));
    expect(answer).toMatchObject([{ to: "asker:1", message: { kind: "nack", number: 6 } }]);
  });

  it("ends without a nack when this node stalled", () => {
    const bench = new LoneCore();
    bench.receive("asker", request);
    bench.now += 300;
    bench.swim.tick(bench.now);
    expect(packets(bench.swim.effects())).toEqual([]);
  });
});
