import { ManualClock, nodeId, Scope, silentLog, type NodeId } from "@murmur/base";
import { createCa, createCsr, createNodeKey, signSubject, STATEMENT_NAME, type Ca } from "@murmur/identity";
import type { Peers } from "@murmur/manager";
import { beforeAll, describe, expect, it } from "vitest";
import {
  FIRST_GENERATION,
  nextNumber,
  readGeneration,
  signerOf,
  signGeneration,
  type Generation,
  type StatementSigner,
} from "./generation.ts";
import { fencedPeers } from "./generation-fence.ts";
import { GenerationKeeper } from "./generation-keeper.ts";

const A = nodeId("a");
const B = nodeId("b");
let ca: Ca;
beforeAll(async () => {
  ca = await createCa({ clusterId: "c1", now: 1_700_000_000_000 });
});
const cluster = () => ({ clusterId: "c1", caPem: ca.certificatePem });
const signed = (number: number, by: StatementSigner = ca): Generation =>
  signGeneration(
    { number, origin: "recover", manager: { id: A, address: "10.0.0.1:7373" } },
    { clusterId: "c1", by: { keyPem: by.keyPem, ...(by.signerPem !== undefined && { signerPem: by.signerPem }) } },
  );

describe("a generation's statement", () => {
  it("is believed as the cluster's authority signed it, and in no other form", async () => {
    const statement = signed(7);
    expect(readGeneration(structuredClone(statement), cluster())).toEqual(statement);
    expect(readGeneration({ ...statement, number: 8 }, cluster())).toBeUndefined();
    expect(readGeneration({ ...statement, origin: "restore" }, cluster())).toBeUndefined();
    expect(readGeneration({ ...statement, manager: { ...statement.manager, id: "b" } }, cluster())).toBeUndefined();
    expect(readGeneration(statement, { ...cluster(), clusterId: "c2" })).toBeUndefined();
    const stranger = await createCa({ clusterId: "c1", now: 1_700_000_000_000 });
    expect(readGeneration(signed(7, stranger), cluster())).toBeUndefined();
    for (const nonsense of [null, 7, {}, { ...statement, signature: "x" }, { ...statement, number: -1 }])
      expect(readGeneration(nonsense, cluster())).toBeUndefined();
  });

  it("is believed by a key that the authority has signed for this, and by no other", async () => {
    const keyPem = await createNodeKey();
    const csrPem = await createCsr({ keyPem });
    const signer = async (name: string, by = ca, organization = "c1"): Promise<StatementSigner> => {
      const asked = { ca: by, csrPem, organization, name, host: name, now: 1_700_000_000_000 };
      return { keyPem, signerPem: await signSubject(asked) };
    };
    const statement = signed(7, await signer(STATEMENT_NAME));
    expect(readGeneration(structuredClone(statement), cluster())).toEqual(statement);
    expect(signerOf(statement, cluster())).toBe(ca.certificatePem);
    expect(readGeneration({ ...statement, number: 8 }, cluster())).toBeUndefined();
    const { signerPem: _left, ...without } = statement;
    expect(readGeneration(without, cluster())).toBeUndefined();
    // A node has a certificate, too.
    expect(readGeneration(signed(7, await signer("a".repeat(25))), cluster())).toBeUndefined();
    expect(readGeneration(signed(7, await signer(STATEMENT_NAME, ca, "c2")), cluster())).toBeUndefined();
    const stranger = await createCa({ clusterId: "c1", now: 1_700_000_000_000 });
    expect(readGeneration(signed(7, await signer(STATEMENT_NAME, stranger)), cluster())).toBeUndefined();
  });

  it("has a later number than the one before, even with a clock that went back", () => {
    const first = nextNumber(1_700_000_000_000, FIRST_GENERATION, () => 0);
    expect(nextNumber(1_600_000_000_000, first, () => 0)).toBeGreaterThan(first);
    expect(nextNumber(1_700_000_000_001, first, () => 0)).toBeGreaterThan(first);
  });
});

/** A keeper whose peers answer calls with what the table says. */
function keeperOf(peers: Readonly<Record<string, Generation | null>> = {}, stored?: Generation) {
  const told: unknown[] = [];
  const written: number[] = [];
  let handler: ((from: NodeId, body: unknown) => Promise<unknown>) | undefined;
  const disk = { fails: false };
  const keeper = new GenerationKeeper({
    stored,
    cluster,
    store: async ({ number }) => {
      if (disk.fails) throw new Error("ENOSPC");
      written.push(number);
    },
    transport: {
      call: async (to, _method, body) => {
        told.push(body);
        const answer = peers[to];
        if (answer === undefined) return new Promise(() => {});
        return answer;
      },
      handle: (_method, handle) => {
        handler = (from, body) => handle(from, body, { signal: new AbortController().signal });
        return { [Symbol.dispose]: () => {} };
      },
    },
    neighbours: () => Object.entries(peers).map(([id, at]) => ({ id: nodeId(id), generation: at?.number ?? 0 })),
    clock,
    log: silentLog,
  });
  const heard: number[] = [];
  keeper.onChange(({ number }) => heard.push(number));
  return { keeper, told, written, heard, disk, ask: (body: unknown) => handler?.(B, body) };
}
const clock = new ManualClock();

describe("a node's generation", () => {
  it("is the later one of two that meet, whoever speaks first, and is stored", async () => {
    await using scope = new Scope(silentLog);
    const { keeper, ask, heard, written } = keeperOf();
    keeper.open(scope);
    expect(await ask(null)).toBeNull();
    expect(await ask(signed(7))).toMatchObject({ number: 7 });
    expect(await ask(signed(5))).toMatchObject({ number: 7 });
    expect(await ask({ ...signed(5), number: 9 })).toMatchObject({ number: 7 });
    expect([keeper.number, heard, written]).toEqual([7, [7], [7]]);
  });

  it("is told to, and taken from, the neighbours that gossip shows in another one", async () => {
    await using scope = new Scope(silentLog);
    const { keeper, told } = keeperOf({ same: signed(7), behind: null, ahead: signed(9) }, signed(7));
    keeper.open(scope);
    await clock.advance(1_500);
    expect(keeper.number).toBe(9);
    expect(told).toEqual([signed(7), signed(7)].map(({ number }) => expect.objectContaining({ number })));
  });

  it("does not wait for peers that are silent", async () => {
    await using scope = new Scope(silentLog);
    const { keeper } = keeperOf({ ahead: signed(9) });
    keeper.open(scope);
    let met = false;
    const meeting = keeper.meetAll([nodeId("silent"), nodeId("ahead")], 500, scope.signal).then(() => (met = true));
    await clock.advance(499);
    expect([keeper.number, met]).toEqual([9, false]);
    await clock.advance(1);
    await meeting;
  });

  it("is in force also when it can't be stored, but is not begun then", async () => {
    await using scope = new Scope(silentLog);
    const { keeper, ask, disk } = keeperOf();
    keeper.open(scope);
    disk.fails = true;
    await expect(keeper.begin(signed(6))).rejects.toThrow("ENOSPC");
    expect(keeper.number).toBe(FIRST_GENERATION);
    await ask(signed(7));
    expect(keeper.number).toBe(7);
  });
});

describe("the fence between generations", () => {
  /** Two managers that hear each other through one wire. */
  function fenced(own: number, other: number) {
    const met: NodeId[] = [];
    const keeper = { number: own, meet: (peer: NodeId) => void met.push(peer) };
    const received: unknown[] = [];
    let wire: {
      message?: unknown;
      handler?: Parameters<Peers["onMessage"]>[1];
      answer?: Parameters<Peers["handle"]>[1];
    } = {};
    const none = { [Symbol.dispose]: () => {} };
    const raw: Peers = {
      send: (_to, _channel, message) => {
        wire.handler?.(B, structuredClone(message));
        wire = { ...wire, message };
        return true;
      },
      onMessage: (_channel, handler) => {
        wire = { ...wire, handler };
        return none;
      },
      call: async (_to, _method, body) =>
        wire.answer?.(B, structuredClone(body), { signal: new AbortController().signal }),
      handle: (_method, answer) => {
        wire = { ...wire, answer };
        return none;
      },
      onPeerDown: () => none,
    };
    const mine = fencedPeers(raw, own, keeper);
    mine.onMessage("raft", (_from, message) => received.push(message));
    mine.handle("offer", async (_from, body) => body);
    const theirs = fencedPeers(raw, other, { number: other, meet: () => {} });
    return { theirs, mine, keeper, met, received, sent: () => wire.message };
  }
  const MESSAGE = { kind: "vote", term: 3 };

  it("lets through what is of the same one, as it is in the first", async () => {
    for (const generation of [FIRST_GENERATION, 7]) {
      const { theirs, met, received, sent } = fenced(generation, generation);
      expect(theirs.send(A, "raft", MESSAGE)).toBe(true);
      expect(await theirs.call(A, "offer", MESSAGE)).toEqual(MESSAGE);
      expect([received, met]).toEqual([[MESSAGE], []]);
      expect(sent() === MESSAGE).toBe(generation === FIRST_GENERATION);
    }
  });

  it("stops what is of another, in both directions, and has the two meet", async () => {
    for (const [own, other] of [
      [7, FIRST_GENERATION],
      [FIRST_GENERATION, 7],
      [8, 7],
    ] as const) {
      const { theirs, met, received } = fenced(own, other);
      theirs.send(A, "raft", MESSAGE);
      await expect(theirs.call(A, "offer", MESSAGE)).rejects.toMatchObject({ code: "unavailable" });
      expect([received, met]).toEqual([[], [B, B]]);
    }
  });

  it("closes on a manager whose node has gone on", async () => {
    const { mine, theirs, keeper, received } = fenced(7, 7);
    keeper.number = 8;
    expect(mine.send(B, "raft", MESSAGE)).toBe(false);
    await expect(mine.call(B, "offer", MESSAGE)).rejects.toMatchObject({ code: "unavailable" });
    theirs.send(A, "raft", MESSAGE);
    expect(received).toEqual([]);
  });
});
