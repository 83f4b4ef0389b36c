import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { Effect, Packet, SwimConfig } from "./index.ts";
import { alive, dead, LoneCore, packets, suspect, warnings } from "./testing/lone-core.ts";

describe("a suspicion", () => {
  const others = ["a", "b", "c", "d", "e"].map((id) => alive(id));

  it("lasts long when nobody confirms it, and short when others do", () => {
    const config = { probeIntervalMs: 100_000, probeTimeoutMs: 1_000, suspicionAlpha: 0.01, suspicionBeta: 6 };
    const bench = new LoneCore(config);
    bench.hear(
      ...others,
      suspect("a", "b"),
      suspect("b", "c"),
      suspect("b", "d"),
      suspect("b", "e"),
      suspect("b", "a"),
    );
    bench.run(1_000);
    expect([bench.state("a"), bench.state("b")]).toEqual(["suspect", "dead"]);
    bench.run(5_000);
    expect(bench.state("a")).toBe("dead");
  });

  it("is told to the suspected in every packet to it (Buddy)", () => {
    const ping = { kind: "ping", number: 7, target: nodeId("me") } as const;
    const told = (config: Partial<SwimConfig>): Packet["rumors"] => {
      const bench = new LoneCore(config);
      bench.hear(alive("a"), suspect("a", "x"));
      for (let round = 0; round < 20; round += 1) bench.receive("x", ping);
      return packets(bench.receive("a", ping))[0]?.rumors ?? [];
    };
    expect(told({ buddy: true })).toEqual([suspect("a", "me")]);
    expect(told({ buddy: false })).toEqual([]);
  });

  it("ends when the suspected refutes, and not by its old word", () => {
    const bench = new LoneCore();
    bench.hear(alive("a"), suspect("a", "x"), alive("a"));
    expect(bench.state("a")).toBe("suspect");
    const changes = bench.hear(alive("a", 1)).flatMap((effect) => (effect.kind === "member" ? effect.change : []));
    expect([changes, bench.state("a")]).toEqual([["alive"], "alive"]);
  });
});

describe("a death that others declare", () => {
  const config = { probeIntervalMs: 100_000, probeTimeoutMs: 1_000, suspicionAlpha: 0.01, suspicionBeta: 6 };
  const others = ["a", "b", "c", "d", "e"].map((id) => alive(id));

  it("is a suspicion of the shortest time, in which the accused can speak up", () => {
    const bench = new LoneCore(config);
    bench.hear(...others, dead("a"), dead("b"));
    bench.run(999);
    expect([bench.state("a"), bench.state("b")]).toEqual(["suspect", "suspect"]);
    bench.hear(alive("a", 1));
    bench.run(1);
    expect([bench.state("a"), bench.state("b")]).toEqual(["alive", "dead"]);
  });

  it("confirms a suspicion in full, counted from when that began", () => {
    const bench = new LoneCore(config);
    bench.hear(...others, suspect("a", "b"));
    bench.run(1_500);
    expect(bench.state("a")).toBe("suspect");
    bench.hear(dead("a"));
    bench.run(0);
    expect(bench.state("a")).toBe("dead");
  });

  it("is passed on once, not again when it takes effect", () => {
    const bench = new LoneCore({ ...config, retransmitMargin: 0 });
    bench.hear(...others);
    bench.run(2_000);
    const passedOn = (effects: Effect[]): number =>
      packets(effects).filter(({ rumors }) => rumors.some(({ kind, ...rumor }) => kind === "dead" && "id" in rumor))
        .length;
    const first = [...bench.hear(dead("a")), ...bench.hear(dead("a")), ...bench.run(900)];
    expect([passedOn(first) > 0, passedOn(bench.run(2_000)), bench.state("a")]).toEqual([true, 0, "dead"]);
  });

  it("of one who is unknown is remembered, so that older news do not introduce it", () => {
    const bench = new LoneCore();
    bench.hear(dead("a", 3));
    expect(bench.swim.member(nodeId("a"))).toBeUndefined();
    bench.hear(alive("a", 3));
    expect(bench.state("a")).toBe("dead");
    bench.hear(alive("a", 4));
    expect(bench.state("a")).toBe("alive");
  });
});

describe("the gone", () => {
  it("hear in every packet that they are held dead or gone", () => {
    const bench = new LoneCore();
    bench.hear(alive("a"), dead("a"), alive("b"), { kind: "left", id: nodeId("b"), incarnation: 0 });
    bench.run(2_000);
    const answer = (from: string) => packets(bench.receive(from, { kind: "ping", number: 1, target: nodeId("me") }))[0];
    expect(answer("a")?.rumors[0]).toMatchObject({ kind: "dead", id: "a" });
    expect(answer("b")?.rumors[0]).toMatchObject({ kind: "left", id: "b" });
  });

  it("are forgotten after the reclaim time", () => {
    const bench = new LoneCore({ reclaimMs: 5_000 });
    bench.hear(alive("a"), dead("a"));
    expect([bench.run(6_000), bench.state("a")].at(1)).toBe("dead");
    const changes = bench.run(2_000).flatMap((effect) => (effect.kind === "member" ? effect.change : []));
    expect([changes, bench.state("a")]).toEqual([["forgotten"], undefined]);
  });

  it("make room for the living when the table is full; the living do not", () => {
    const bench = new LoneCore({ membersMax: 3 });
    bench.hear(alive("a"), alive("b"), { kind: "left", id: nodeId("a"), incarnation: 0 });
    bench.hear(alive("c"));
    expect([bench.state("a"), bench.state("c")]).toEqual([undefined, "alive"]);
    expect(warnings(bench.hear(alive("d")))).toEqual([expect.stringContaining("its limit")]);
    expect([bench.state("d"), bench.swim.health().members]).toEqual([undefined, 3]);
  });
});

describe("two nodes with one id", () => {
  it("are noticed by a third", () => {
    const bench = new LoneCore();
    bench.hear(alive("a", 1, "here:1"));
    bench.hear(alive("a", 2, "there:1"));
    expect(warnings(bench.hear(alive("a", 3, "here:1")))).toEqual([expect.stringContaining("two nodes use the id a")]);
  });
});
