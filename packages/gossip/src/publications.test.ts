import { ClusterError, nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { BroadcastQueue } from "./broadcast-queue.ts";
import { swimConfig } from "./config.ts";
import { Effects } from "./effect.ts";
import type { Publication } from "./packet.ts";
import { Publications } from "./publications.ts";

const text = (value: string): Uint8Array => Uint8Array.from(value, (char) => char.charCodeAt(0));
const fact = (key: string, sequence: number, value = key, ttlMs = 1_000): Publication => ({
  kind: "publication",
  origin: nodeId("o"),
  key,
  sequence,
  payload: text(value),
  ttlMs,
});

function setUp(publicationsMax = 100) {
  const effects = new Effects();
  const queue = new BroadcastQueue(1_000);
  const config = swimConfig({ publicationsMax, publicationTtlMaxMs: 10_000 });
  const publications = new Publications({ config, self: nodeId("me"), queue, effects });
  const waiting = (now = 0): Publication[] =>
    queue
      .take({ bytesMax: 1_000_000, sentMax: 1, now })
      .flatMap((rumor) => (rumor.kind === "publication" ? rumor : []));
  const delivered = (): string[] =>
    effects
      .drain()
      .flatMap((effect) =>
        effect.kind === "broadcast" ? `${effect.key}=${String.fromCharCode(...effect.payload)}` : [],
      );
  return { publications, waiting, delivered };
}
const via = nodeId("x");

describe("what others publish", () => {
  it("is delivered once and passed on once", () => {
    const { publications, waiting, delivered } = setUp();
    for (let copy = 0; copy < 3; copy += 1) publications.hear(fact("k", 1), via, 0);
    expect(delivered()).toEqual(["k=k"]);
    expect(waiting()).toEqual([fact("k", 1)]);
  });

  it("is replaced by newer news of the same key, never by older", () => {
    const { publications, delivered } = setUp();
    for (const [sequence, value] of [
      [2, "b"],
      [1, "a"],
      [3, "c"],
      [2, "b"],
    ] as const) {
      publications.hear(fact("k", sequence, value), via, 0);
    }
    publications.hear(fact("other", 1), via, 0);
    expect(delivered()).toEqual(["k=b", "k=c", "other=other"]);
  });

  it("is not delivered when its life is over, nor a second time when it is remembered no longer", () => {
    const { publications, delivered } = setUp();
    publications.hear(fact("late", 1, "late", 0), via, 0);
    publications.hear(fact("k", 2), via, 0);
    publications.expire(19_999);
    publications.hear(fact("k", 2), via, 19_999);
    expect(delivered()).toEqual(["k=k"]);
    publications.expire(20_000);
    expect(publications.size).toBe(0);
  });

  it("is forgotten when there is too much, and then no older news of that origin are taken for new", () => {
    const { publications, delivered } = setUp(2);
    for (const sequence of [5, 6, 7]) publications.hear(fact(`k${sequence}`, sequence), via, 0);
    expect(publications.size).toBe(2);
    publications.hear(fact("k5", 5), via, 0);
    publications.hear(fact("k4", 4), via, 0);
    expect(delivered()).toEqual(["k5=k5", "k6=k6", "k7=k7"]);
    publications.expire(20_000);
    publications.hear(fact("k1", 1), via, 20_000);
    expect(delivered()).toEqual(["k1=k1"]);
  });

  it("lives as long as this cluster allows, whatever it says", () => {
    const { publications } = setUp();
    publications.hear(fact("k", 1, "k", 4_000_000_000), via, 0);
    expect(publications.living(0)).toEqual([fact("k", 1, "k", 10_000)]);
    expect(publications.living(10_000)).toEqual([]);
  });
});

describe("what this node publishes", () => {
  it("has rising sequence numbers and is not delivered to itself", () => {
    const { publications, waiting, delivered } = setUp();
    publications.publish({ key: "a", payload: text("1"), ttlMs: 500 }, 0);
    publications.publish({ key: "b", payload: text("2"), ttlMs: 500 }, 0);
    const sent = waiting();
    expect(sent.map(({ key, sequence }) => [key, sequence])).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
    for (const publication of sent) publications.hear(publication, via, 0);
    expect(delivered()).toEqual([]);
    expect(waiting()).toEqual([]);
  });

  it("is published anew above what a former run had published", () => {
    const { publications, waiting } = setUp();
    publications.publish({ key: "a", payload: text("1"), ttlMs: 500 }, 0);
    waiting();
    publications.hear({ ...fact("old", 41), origin: nodeId("me") }, via, 100);
    expect(waiting(100).map(({ key, sequence, ttlMs }) => [key, sequence, ttlMs])).toEqual([["a", 42, 400]]);
    publications.publish({ key: "b", payload: text("2"), ttlMs: 500 }, 100);
    expect(publications.highest(nodeId("me"))).toBe(43);
  });

  it.each([
    { key: "", payload: text(""), ttlMs: 1 },
    { key: "a b", payload: text(""), ttlMs: 1 },
    { key: "k".repeat(129), payload: text(""), ttlMs: 1 },
    { key: "k", payload: new Uint8Array(513), ttlMs: 1 },
    { key: "k", payload: text(""), ttlMs: 0 },
    { key: "k", payload: text(""), ttlMs: 10_001 },
  ])("is refused when it cannot be sent", (announcement) => {
    expect(() => setUp().publications.publish(announcement, 0)).toThrow(ClusterError);
  });
});

it("tells an origin that starts anew what it published before", () => {
  const { publications } = setUp();
  publications.hear(fact("k", 9, "new"), via, 0);
  expect(publications.hear(fact("k", 1, "newest"), via, 0)).toBeUndefined();
  expect(publications.hear(fact("k", 1, "newest"), nodeId("o"), 0)).toEqual(fact("k", 9, "new", 0));
});
