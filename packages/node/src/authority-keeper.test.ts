import { ManualClock, nodeId, Scope, silentLog } from "@murmur/base";
import {
  createCa,
  createCsr,
  createNodeKey,
  newGossipKey,
  rootName,
  signNodeCertificate,
  type Ca,
  type NodeIdentity,
} from "@murmur/identity";
import { beforeAll, describe, expect, it } from "vitest";
import { AuthorityKeeper } from "./authority-keeper.ts";
import { signGeneration, type Generation } from "./generation.ts";
import type { Renewal } from "./renewal.ts";
import { quiet } from "./testing/real-work.ts";

const CLUSTER = "c1";
const SELF = nodeId("a".repeat(25));
const HOUR_MS = 3_600_000;
const BEGIN = new ManualClock().now();
let old: Ca;
let young: Ca;
beforeAll(async () => {
  [old, young] = (await Promise.all([1, 2].map(() => createCa({ clusterId: CLUSTER, now: BEGIN })))) as [Ca, Ca];
});

type Ask = { readonly csrPem?: string };

class KeeperWorld implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly scope = new Scope(silentLog);
  readonly asked: Ask[] = [];
  /** What was stored, in its order. */
  readonly kept: string[] = [];
  generation: Generation | undefined;
  readonly keeper: AuthorityKeeper;
  #identity: NodeIdentity;
  answer: (ask: Ask) => Promise<Renewal> = () => Promise.reject(new Error("no manager"));

  private constructor(identity: NodeIdentity) {
    this.#identity = identity;
    this.keeper = new AuthorityKeeper({
      identity: () => this.#identity,
      generation: () => this.generation,
      keep: async (change) => {
        this.#identity = { ...this.#identity, ...change };
        this.kept.push("identity");
      },
      keepGeneration: async (statement) => {
        this.generation = statement as Generation;
        this.kept.push("generation");
      },
      ask: async (body) => {
        this.asked.push(body);
        return this.answer(body);
      },
      clock: this.clock,
      log: silentLog,
    });
    this.scope.run("keeper", (signal) => this.keeper.run(signal));
  }

  /** A node with a certificate of one root that trusts these. */
  static async of(ca: Ca, ...trusted: readonly Ca[]): Promise<KeeperWorld> {
    const keyPem = await createNodeKey();
    const certificatePem = await sign(ca, { csrPem: await createCsr({ keyPem }), now: BEGIN });
    const of = { nodeId: SELF, clusterId: CLUSTER, caPem: textOf(trusted), certificatePem, keyPem };
    return new KeeperWorld({ ...of, gossipKeys: [newGossipKey()], sealKeys: [] });
  }

  async pass(byMs: number): Promise<void> {
    for (let left = byMs; left > 0; left -= 500) {
      await quiet();
      await this.clock.advance(Math.min(left, 500));
    }
    await quiet();
  }

  /** A manager that signs with this root. */
  signs(ca: Ca, trusts: readonly Ca[], statement?: Generation): void {
    this.answer = async ({ csrPem }) => {
      const caPem = textOf(trusts);
      if (csrPem === undefined) return { caPem, chainPem: caPem };
      const certificatePem = await sign(ca, { csrPem, now: this.clock.now() });
      return { caPem, certificate: { certificatePem, chainPem: caPem, generation: statement ?? null } };
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.scope[Symbol.asyncDispose]();
  }
}

const sign = (ca: Ca, { csrPem, now }: { readonly csrPem: string; readonly now: number }): Promise<string> =>
  signNodeCertificate({ ca, csrPem, nodeId: SELF, clusterId: CLUSTER, now, validityMs: 48 * HOUR_MS });
const textOf = (roots: readonly Ca[]): string => roots.map(({ certificatePem }) => certificatePem).join("");
const pems = (...roots: readonly Ca[]): readonly string[] => roots.map(({ certificatePem }) => certificatePem);
const names = (...roots: readonly Ca[]): readonly string[] =>
  pems(...roots)
    .map(rootName)
    .toSorted();

describe("what a node has of the authority", () => {
  it("follows a rotation step by step, and asks for no more than it needs", async () => {
    await using world = await KeeperWorld.of(old, old);
    const { keeper } = world;
    world.signs(old, [old, young]);
    await world.pass(5_000);
    expect(world.asked).toEqual([]);
    keeper.follow({ trusts: pems(old, young) });
    await world.pass(500);
    expect(world.asked).toEqual([{}]);
    expect(keeper.present()).toMatchObject({ issuer: rootName(old.certificatePem), trusts: names(old, young) });
    world.signs(young, [old, young]);
    keeper.follow({ trusts: pems(old, young), issuer: young.certificatePem });
    await world.pass(500);
    expect(keeper.present()).toMatchObject({ issuer: rootName(young.certificatePem), trusts: names(old, young) });
    world.signs(young, [young]);
    keeper.follow({ trusts: pems(young), issuer: young.certificatePem });
    await world.pass(500);
    expect(keeper.present()).toMatchObject({ issuer: rootName(young.certificatePem), trusts: names(young) });
    expect(world.asked.map(({ csrPem }) => csrPem !== undefined)).toEqual([false, true, false]);
  });

  it("is taken back by no old news", async () => {
    await using world = await KeeperWorld.of(young, old, young);
    world.signs(young, [old, young]);
    // A manager that lags behind, or what this node had saved before its restart.
    world.keeper.follow({ trusts: pems(old), issuer: old.certificatePem });
    await world.pass(600_000);
    expect(world.keeper.present()).toMatchObject({ issuer: rootName(young.certificatePem), trusts: names(old, young) });
    // It asks again and again, ever less often.
    expect(world.asked.length).toBeGreaterThan(5);
    expect(world.asked.length).toBeLessThan(25);
  });

  it("is never such that its own node would refuse it", async () => {
    await using world = await KeeperWorld.of(old, old);
    world.answer = () => Promise.resolve({ caPem: textOf([young]) });
    world.keeper.follow({ trusts: pems(old, young) });
    await world.pass(10_000);
    expect(world.kept).toEqual([]);
    world.signs(old, [old, young]);
    await world.pass(60_000);
    expect(world.kept).toEqual(["identity"]);
  });

  it("has the generation's statement by the same root, which is kept first", async () => {
    const unsigned = { number: 7, origin: "recover", manager: { id: SELF, address: "10.0.0.1:7373" } } as const;
    const by = (ca: Ca): Generation => signGeneration(unsigned, { clusterId: CLUSTER, by: ca });
    await using world = await KeeperWorld.of(young, old, young);
    world.generation = by(old);
    world.signs(young, [old, young], by(young));
    expect(world.keeper.present()).toMatchObject({ statement: rootName(old.certificatePem) });
    world.keeper.follow({ trusts: pems(old, young), issuer: young.certificatePem });
    await world.pass(500);
    expect(world.kept).toEqual(["generation", "identity"]);
    expect(world.keeper.present()).toMatchObject({ statement: rootName(young.certificatePem) });
  });

  it("renews itself when half of its life is over, and tries on when nobody answers", async () => {
    await using world = await KeeperWorld.of(old, old);
    world.keeper.follow({ trusts: pems(old), issuer: old.certificatePem });
    await world.clock.advance(25 * HOUR_MS);
    await world.pass(300_000);
    expect(world.kept).toEqual([]);
    expect(world.asked.length).toBeGreaterThan(3);
    world.signs(old, [old]);
    await world.pass(120_000);
    expect(world.kept).toEqual(["identity"]);
    await world.pass(300_000);
    expect(world.kept).toEqual(["identity"]);
  });
});
