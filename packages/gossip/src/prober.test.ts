import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { alive, LoneCore, packets, suspect, warnings } from "./testing/lone-core.ts";

describe("a probe", () => {
  it("is answered to where it came from, unless it is meant for another", () => {
    const bench = new LoneCore();
    const [answer] = packets(bench.receive("a", { kind: "ping", number: 7, target: nodeId("me") }));
    expect(answer).toMatchObject({ to: "a:1", message: { kind: "ack", number: 7 } });
    expect(bench.receive("a", { kind: "ping", number: 8, target: nodeId("former") })).toEqual([]);
  });

  it("asks others and the reliable channel after the timeout, and suspects at the end of the period", () => {
    const bench = new LoneCore();
    bench.hear(alive("t"));
    const { number } = bench.untilPing();
    bench.hear(alive("h1"), alive("h2"));
    const asked = bench.run(200);
    const requests = packets(asked).filter(({ message }) => message.kind === "pingReq");
    expect(requests.map(({ to }) => to).toSorted()).toEqual(["h1:1", "h2:1"]);
    expect(requests[0]?.message).toMatchObject({ number, target: "t", address: "t:1", wantsNack: true });
    expect(asked).toContainEqual(expect.objectContaining({ kind: "reliableProbe", to: "t:1", nodeId: "t", number }));
    expect(bench.state("t")).toBe("alive");
    bench.receive("h1", { kind: "nack", number });
    bench.receive("h2", { kind: "nack", number });
    bench.run(200);
    expect([bench.state("t"), bench.swim.health().score]).toEqual(["suspect", 0]);
  });

  it.each([
    ["the target's own ack", "t", "alive"],
    ["a helper's ack", "h1", "alive"],
    ["a stranger's ack", "stranger", "suspect"],
  ])("counts %s", (_, from, state) => {
    const bench = new LoneCore();
    bench.hear(alive("t"));
    const { number } = bench.untilPing();
    bench.hear(alive("h1"));
    bench.run(200);
    bench.receive(from, { kind: "ack", number });
    bench.run(200);
    expect(bench.state("t")).toBe(state);
  });

  it("takes missing nacks, and failure without helpers, for signs of bad health, and an ack for a good one", () => {
    const bench = new LoneCore();
    bench.hear(alive("t"));
    const { number } = bench.untilPing();
    bench.hear(alive("h1"), alive("h2"), alive("h3"));
    bench.run(200);
    bench.receive("h1", { kind: "nack", number });
    bench.run(200);
    expect(bench.swim.health().score).toBe(2);

    const alone = new LoneCore();
    alone.hear(alive("t"));
    alone.untilPing();
    const [next] = packets(alone.run(400)).filter(({ message }) => message.kind === "ping");
    expect(alone.swim.health().score).toBe(1);
    if (next?.message.kind === "ping") alone.receive("t", { kind: "ack", number: next.message.number });
    expect(alone.swim.health().score).toBe(0);
  });

  it("succeeds over the reliable channel, and then says that datagrams do not come through", () => {
    const bench = new LoneCore();
    bench.hear(alive("t"));
    const { number } = bench.untilPing();
    bench.run(200);
    bench.swim.handle({ kind: "reliableAck", number, nodeId: nodeId("t") }, bench.now);
    expect(warnings(bench.run(400))).toEqual([expect.stringContaining("not over UDP")]);
    expect(bench.state("t")).toBe("alive");
  });

  it("takes longer while this node is unwell", () => {
    const bench = new LoneCore();
    bench.hear(alive("t"));
    for (let incarnation = 0; incarnation < 3; incarnation += 1) bench.hear(suspect("me", "x", incarnation));
    expect(bench.swim.health().score).toBe(3);
    bench.untilPing();
    expect(bench.run(790).filter(({ kind }) => kind === "reliableProbe")).toEqual([]);
    expect(bench.run(20).filter(({ kind }) => kind === "reliableProbe")).toHaveLength(1);
    expect([bench.run(780), bench.state("t")].at(1)).toBe("alive");
    bench.run(30);
    expect(bench.state("t")).toBe("suspect");
  });
});
