import { nodeId, SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import type { SwimConfig } from "./index.ts";
import { addressOf, World } from "./testing/world.ts";

const SIZES = [3, 8, 24, 64] as const;
const SEEDS = [1, 2, 3] as const;
/** What computes for ten seconds does so for many more on a machine that is busy: only what hangs should fail for its time. */
const LONG = { timeout: 180_000 };
const cases = SIZES.flatMap((count) => SEEDS.map((seed) => ({ count, seed })));

/** A cluster whose nodes have found each other, some seconds later. */
function formed(
  count: number,
  options: ConstructorParameters<typeof World>[0],
): { world: World; names: readonly string[] } {
  const world = new World(options);
  const names = world.startMany(count);
  expect(world.runUntil(() => world.allSee(names, names, "alive"), 10_000)).toBeDefined();
  world.run(3_000 + options.seed * 111);
  return { world, names };
}
const without = (names: readonly string[], ...gone: readonly string[]) => names.filter((name) => !gone.includes(name));
const payload = new Uint8Array([1]);

describe("joining", () => {
  it.each(cases)("$count nodes that join at once all see each other within seconds (seed $seed)", ({ count, seed }) => {
    const world = new World({ seed });
    const names = world.startMany(count);
    expect(world.runUntil(() => world.allSee(names, names, "alive"), 5_000)).toBeDefined();
  });

  it("tells everybody of a newcomer within a second", () => {
    const { world, names } = formed(24, { seed: 4 });
    world.start("new", ["n7"], { meta: payload });
    expect(world.runUntil(() => world.allSee(names, ["new"], "alive"), 1_000)).toBeDefined();
    expect(world.allSee(["new"], names, "alive")).toBe(true);
    expect(names.every((name) => world.member(name, "new")?.meta[0] === 1)).toBe(true);
  });
});

describe("a dead node", () => {
  // Bounds: two rounds of probing at worst for the smallest, spread over all for the larger ones; see DEFAULT_CONFIG.
  it.each([
    { count: 3, limitMs: 3_000 },
    { count: 8, limitMs: 4_000 },
    { count: 24, limitMs: 4_500 },
    { count: 100, limitMs: 5_000 },
  ])("is declared dead by all $count within $limitMs ms, and nobody else is", LONG, ({ count, limitMs }) => {
    for (const seed of SEEDS) {
      const { world, names } = formed(count, { seed });
      world.stop("n1");
      const rest = without(names, "n1");
      expect(world.runUntil(() => world.allSee(rest, ["n1"], "dead"), limitMs)).toBeDefined();
      expect(world.deaths().filter((death) => !death.endsWith(" n1"))).toEqual([]);
    }
  });

  it("is declared dead within about two seconds in a cluster of three, in the middle of many runs", () => {
    const times: number[] = [];
    for (let seed = 1; seed <= 31; seed += 1) {
      const { world, names } = formed(3, { seed });
      world.stop("n2");
      times.push(world.runUntil(() => world.allSee(without(names, "n2"), ["n2"], "dead"), 10_000) ?? Infinity);
    }
    expect(times.toSorted((left, right) => left - right)[15]).toBeLessThanOrEqual(2_100);
  });

  it("comes back under its old id with an empty memory, also from another address", () => {
    const { world, names } = formed(8, { seed: 5 });
    world.stop("n2");
    world.run(10_000);
    world.start("n2", ["n1"], { address: "elsewhere:1", meta: payload });
    expect(world.runUntil(() => world.allSee(names, names, "alive"), 3_000)).toBeDefined();
    expect(world.member("n5", "n2")).toMatchObject({ address: "elsewhere:1", meta: payload });
    world.run(60_000);
    expect(world.allSee(names, names, "alive")).toBe(true);
    expect(world.reports.filter(({ effect }) => effect.kind === "warning")).toEqual([]);
  });

  it("that restarts before anybody noticed replaces its former self", () => {
    const { world, names } = formed(8, { seed: 6 });
    world.stop("n2");
    world.start("n2", ["n1"], { meta: payload });
    const replaced = (): boolean => names.every((name) => world.member(name, "n2")?.meta[0] === 1);
    expect(world.runUntil(replaced, 3_000)).toBeDefined();
    world.run(30_000);
    expect(world.deaths()).toEqual([]);
  });
});

describe("a lossy network", () => {
  it.each(SIZES)("declares none of %i dead at 10 % loss", (count) => {
    const { world, names } = formed(count, { seed: 7, loss: 0.1, delayMs: [0.5, 20] });
    world.run(60_000);
    expect(world.deaths()).toEqual([]);
    expect(world.allSee(names, names, "alive")).toBe(true);
  });

  it("declares nobody dead at 30 % loss even without a reliable channel", () => {
    const { world } = formed(16, { seed: 8, loss: 0.3, delayMs: [0.5, 20] });
    world.breakReliableProbes();
    world.run(120_000);
    const suspicions = world.reports.filter(({ effect }) => effect.kind === "member" && effect.change === "suspected");
    expect(suspicions.length).toBeGreaterThan(0);
    expect(world.deaths()).toEqual([]);
  });

  it("keeps a node whose datagrams all get lost, by the reliable channel, and says what is wrong", () => {
    const { world, names } = formed(5, { seed: 9 });
    world.cut((from, to, datagram) => datagram && (from === "n2" || to === "n2"));
    world.run(60_000);
    expect(world.deaths()).toEqual([]);
    expect(world.allSee(names, names, "alive")).toBe(true);
    expect(world.reports.some(({ effect }) => effect.kind === "warning" && effect.text.includes("UDP"))).toBe(true);
  });
});

describe("a process that was stopped for half a minute", () => {
  it.each(cases)("accuses nobody and is back at once, among $count (seed $seed)", ({ count, seed }) => {
    const { world, names } = formed(count, { seed });
    world.pause("n2", 30_000);
    world.run(29_900);
    expect(world.allSee(without(names, "n2"), ["n2"], "dead")).toBe(true);
    world.run(100);
    expect(world.runUntil(() => world.allSee(names, names, "alive"), 2_000)).toBeDefined();
    world.run(20_000);
    expect(world.deaths().filter((death) => !death.endsWith(" n2"))).toEqual([]);
    expect(world.allSee(names, names, "alive")).toBe(true);
  });
});

describe("starved nodes", () => {
  /** Stops nodes again and again for up to 400 ms, so that each runs only about half of the time. */
  const starve = (world: World, random: SeededRandom, forMs: number): void => {
    for (let elapsed = 0; elapsed < forMs; elapsed += 50) {
      for (const name of world.running) if (random.next() < 0.25) world.pause(name, 10 + random.below(390));
      world.run(50);
    }
  };

  it.each([3, 8, 24])("do not declare each other dead (%i nodes, a minute)", (count) => {
    for (const seed of SEEDS) {
      const { world, names } = formed(count, { seed });
      starve(world, new SeededRandom(seed), 60_000);
      world.run(10_000);
      expect(world.deaths()).toEqual([]);
      expect(world.allSee(names, names, "alive")).toBe(true);
    }
  });

  it("still find one that is dead", () => {
    for (const seed of SEEDS) {
      const { world, names } = formed(5, { seed });
      world.stop("n1");
      starve(world, new SeededRandom(seed), 20_000);
      expect(world.allSee(without(names, "n1"), ["n1"], "dead")).toBe(true);
    }
  });
});

describe("Lifeguard", () => {
  /** Deaths of healthy nodes declared while the network of some is stuck again and again, as in the paper. */
  const falseDeaths = (config: Partial<SwimConfig>): number => {
    const paper = { probeIntervalMs: 1_000, probeTimeoutMs: 500, gossipIntervalMs: 200, suspicionAlpha: 5 };
    const { world, names } = formed(32, { seed: 30, config: { ...paper, stallGuard: false, ...config } });
    const anomalous = names.slice(8, 11);
    for (let round = 0; round < 5; round += 1) {
      for (const name of anomalous) world.choke(name, 16_384);
      world.run(16_384 + 1_024);
    }
    return world.deaths().filter((death) => !anomalous.some((name) => death.endsWith(` ${name}`))).length;
  };
  const off = { lhaProbe: false, lhaSuspicion: false, buddy: false, doubtDeaths: false };

  it("spares healthy nodes where plain SWIM kills them", LONG, () => {
    const swim = falseDeaths(off);
    expect(swim).toBeGreaterThan(20);
    expect(falseDeaths({ ...off, lhaProbe: true })).toBeLessThan(swim / 2);
    expect(falseDeaths({ ...off, lhaSuspicion: true })).toBeLessThan(swim / 2);
    // Rumours reach the suspected soon anyway here, so telling it in the ping changes little.
    expect(falseDeaths({ ...off, buddy: true })).toBeLessThan(swim * 1.1);
    expect(falseDeaths({ ...off, doubtDeaths: true })).toBeLessThan(swim / 2);
    expect(falseDeaths({})).toBeLessThan(swim / 20);
  });
});

describe("a partition", () => {
  it.each(cases)("ends in two halves, and in one whole once it has healed: $count (seed $seed)", ({ count, seed }) => {
    const { world, names } = formed(count, { seed });
    const left = names.slice(0, Math.floor(count / 2));
    const right = names.slice(left.length);
    world.cut((from, to) => left.includes(from) !== left.includes(to));
    world.run(60_000);
    expect(world.allSee(left, right, "dead") && world.allSee(right, left, "dead")).toBe(true);
    expect(world.allSee(left, left, "alive") && world.allSee(right, right, "alive")).toBe(true);
    world.heal();
    expect(world.runUntil(() => world.allSee(names, names, "alive"), 40_000)).toBeDefined();
    world.run(20_000);
    expect(world.allSee(names, names, "alive")).toBe(true);
    const ofOwnHalf = world.deaths().filter((death) => {
      const [observer = "", subject = ""] = death.split(": ");
      return left.includes(observer) === left.includes(subject);
    });
    expect(ofOwnHalf).toEqual([]);
  });

  // A node that was cut off for some seconds believes others dead; as it came back, its rumours killed them for a moment.
  it("kills nobody on one side by what the other side believed, whenever it heals", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const { world, names } = formed(3 + (seed % 4), { seed, loss: 0.02 });
      const left = names.slice(0, 1 + (seed % 2));
      world.cut((from, to) => left.includes(from) !== left.includes(to));
      world.run(3_000 + seed * 300);
      world.heal();
      world.run(15_000);
      const ofOwnSide = world.deaths().filter((death) => {
        const [observer = "", subject = ""] = death.split(": ");
        return left.includes(observer) === left.includes(subject);
      });
      expect(ofOwnSide).toEqual([]);
      expect(world.allSee(names, names, "alive")).toBe(true);
    }
  });

  it("of one direction only does not kill a node that others reach", () => {
    const { world, names } = formed(8, { seed: 11 });
    world.cut((from, to) => from === "n1" && to === "n2");
    world.run(60_000);
    expect(world.deaths()).toEqual([]);
    expect(world.allSee(names, names, "alive")).toBe(true);
  });
});

describe("leaving", () => {
  it("is known to all soon, and is no death", () => {
    const { world, names } = formed(24, { seed: 12 });
    world.with("n3", (swim, now) => swim.leave(now));
    const rest = without(names, "n3");
    expect(world.runUntil(() => world.allSee(rest, ["n3"], "left"), 2_000)).toBeDefined();
    world.run(10_000);
    const finished = world.reports.filter(({ effect }) => effect.kind === "leaveFinished");
    expect(finished).toMatchObject([{ node: "n3", effect: { spread: true } }]);
    expect(world.deaths()).toEqual([]);
  });

  it("can be followed by a return", () => {
    const { world, names } = formed(5, { seed: 13 });
    world.with("n3", (swim, now) => swim.leave(now));
    world.run(5_000);
    world.start("n3", ["n1"]);
    expect(world.runUntil(() => world.allSee(names, names, "alive"), 3_000)).toBeDefined();
  });
});

describe("news about a member", () => {
  it("reach all within a second", () => {
    const { world, names } = formed(64, { seed: 14 });
    world.with("n9", (swim, now) => swim.setMeta(payload, now));
    const known = (): boolean => names.every((name) => world.member(name, "n9")?.meta[0] === 1);
    expect(world.runUntil(known, 1_000)).toBeDefined();
  });
});

describe("publications", () => {
  const received = (world: World, key: string): readonly string[] =>
    world.reports.flatMap(({ node, effect }) => (effect.kind === "broadcast" && effect.key === key ? node : []));

  it.each(SIZES)("reach all others of %i exactly once, within a second, at 10 % loss", (count) => {
    const { world, names } = formed(count, { seed: 15, loss: 0.1 });
    world.with("n2", (swim, now) => swim.publish({ key: "task/unhealthy", payload, ttlMs: 20_000 }, now));
    world.run(1_000);
    const others = without(names, "n2").toSorted();
    expect(received(world, "task/unhealthy").toSorted()).toEqual(others);
    world.run(120_000);
    expect(received(world, "task/unhealthy").toSorted()).toEqual(others);
  });

  it("reach those who were cut off, and newcomers, while they live", () => {
    const { world, names } = formed(6, { seed: 16 });
    world.cut((from, to) => (from === "n6") !== (to === "n6"));
    world.with("n2", (swim, now) => swim.publish({ key: "k", payload, ttlMs: 60_000 }, now));
    world.run(10_000);
    expect(received(world, "k")).not.toContain("n6");
    world.heal();
    world.start("new", ["n1"]);
    world.run(15_000);
    expect(received(world, "k").toSorted()).toEqual([...without(names, "n2"), "new"].toSorted());
  });

  it("of a node that has restarted are not taken for old", () => {
    const { world, names } = formed(5, { seed: 17 });
    const publish = (value: number): void =>
      world.with("n2", (swim, now) => swim.publish({ key: "k", payload: new Uint8Array([value]), ttlMs: 60_000 }, now));
    for (const value of [1, 2, 3]) {
      publish(value);
      world.run(1_000);
    }
    world.start("n2", ["n1"]);
    publish(4);
    world.run(3_000);
    const last = new Map<string, number | undefined>();
    for (const { node, effect } of world.reports) if (effect.kind === "broadcast") last.set(node, effect.payload[0]);
    expect(without(names, "n2").map((name) => last.get(name))).toEqual([4, 4, 4, 4]);
  });
});

it("two nodes with one id are reported", () => {
  const { world } = formed(4, { seed: 18 });
  world.startTwin("n3", "twin:1", ["n1"]);
  world.run(30_000);
  expect(world.reports.some(({ effect }) => effect.kind === "warning" && effect.text.includes("n3"))).toBe(true);
});

it("a calm cluster sends two packets for each node and period, and no gossip", () => {
  const { world, names } = formed(8, { seed: 19 });
  world.run(60_000);
  const before = { datagrams: world.datagrams, bytes: world.bytes };
  world.run(40_000);
  const datagrams = (world.datagrams - before.datagrams) / names.length / 100;
  expect(datagrams).toBeCloseTo(2, 1);
  expect(world.bytes - before.bytes).toBeLessThan((world.datagrams - before.datagrams) * 20);
});

it("a large state is exchanged in bounded parts", () => {
  const { world } = formed(24, { seed: 20, config: { exchangeBytesMax: 4_096 } });
  for (const name of world.running) world.with(name, (swim, now) => swim.setMeta(new Uint8Array(512), now));
  world.run(5_000);
  world.start("new", ["n1"]);
  expect(world.runUntil(() => world.allSee(["new"], world.running, "alive"), 1_000)).toBeDefined();
  expect(world.exchangeBytesMax).toBeGreaterThan(3_000);
  expect(world.exchangeBytesMax).toBeLessThanOrEqual(4_096);
  expect(world.member("new", "n9")).toMatchObject({ id: nodeId("n9"), address: addressOf("n9") });
});

it("the same seed gives the same history", () => {
  const history = (seed: number): string => {
    const { world } = formed(8, { seed, loss: 0.2 });
    world.stop("n1");
    world.run(10_000);
    return JSON.stringify([world.datagrams, world.bytes, world.reports.map(({ at, node }) => [at, node])]);
  };
  expect(history(21)).toBe(history(21));
  expect(history(21)).not.toBe(history(22));
});
