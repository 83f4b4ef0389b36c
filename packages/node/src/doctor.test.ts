import { ClusterError, ManualClock, nodeId, orAborted, type NodeId } from "@murmur/base";
import type { Difference } from "@murmur/network";
import { describe, expect, it } from "vitest";
import { Doctor } from "./doctor.ts";

const [ALPHA, BRAVO, CHARLIE] = ["a", "b", "c"].map((letter) => nodeId(letter.repeat(25))) as [NodeId, NodeId, NodeId];
const { signal } = new AbortController();

interface World {
  readonly answer?: (id: NodeId, body: unknown) => unknown;
  readonly gone?: readonly NodeId[];
  readonly clock?: ManualClock;
}

function doctor({ answer = () => [], gone = [], clock = new ManualClock() }: World = {}): Doctor {
  const found: Difference = { where: "host", what: "the bridge is missing" };
  return new Doctor({
    self: ALPHA,
    hostname: "alpha",
    plane: { check: async () => [found], repair: async () => [{ ...found, mended: true }] },
    transport: {
      call: async (id, method, body, options) => {
        expect(method).toBe("doctor.look");
        return orAborted(Promise.resolve(answer(id, body)), options?.signal ?? signal);
      },
      handle: () => ({ [Symbol.dispose]: () => {} }),
    },
    isGone: (id) => gone.includes(id),
    clock,
  });
}

const node = (id: NodeId, hostname: string) => ({ id, hostname, address: "10.0.0.1:1", raftRole: "none" }) as const;
const ALL = { repair: false, nodes: [] } as const;
const FACTS = { nodes: [node(BRAVO, "bravo"), node(CHARLIE, "charlie"), node(ALPHA, "alpha")], gossipKeys: [] };

describe("Doctor", () => {
  it("looks at its own node before the cluster has told who is in it", async () => {
    const { nodes } = await doctor().look(ALL, signal);
    expect(nodes).toEqual([
      {
        id: ALPHA,
        hostname: "alpha",
        state: "checked",
        differences: [{ where: "host", what: "the bridge is missing" }],
      },
    ]);
  });

  it("asks every node but the dead ones, and puts them in order", async () => {
    const asked: unknown[] = [];
    const subject = doctor({ answer: (id, body) => (asked.push([id, body]), []), gone: [CHARLIE] });
    subject.learn(FACTS);
    const { nodes } = await subject.look({ ...ALL, repair: true }, signal);
    expect(nodes.map(({ hostname, state }) => [hostname, state])).toEqual([
      ["alpha", "checked"],
      ["bravo", "checked"],
      ["charlie", "down"],
    ]);
    expect(nodes[0]?.differences).toMatchObject([{ mended: true }]);
    expect(asked).toEqual([[BRAVO, { repair: true }]]);
  });

  it("says so of a node that doesn't answer, or answers nonsense", async () => {
    const subject = doctor({
      answer: (id) => {
        if (id === BRAVO) throw new ClusterError("timeout", "no answer in 20000 ms");
        return "nonsense";
      },
    });
    subject.learn(FACTS);
    const { nodes } = await subject.look(ALL, signal);
    expect(nodes.map(({ state }) => state)).toEqual(["checked", "unknown", "unknown"]);
    expect(nodes[1]?.message).toBe("no answer in 20000 ms");
  });

  it("asks those that are named, each once, in any of their names", async () => {
    const subject = doctor();
    subject.learn(FACTS);
    const looked = async (...nodes: readonly string[]) =>
      (await subject.look({ repair: false, nodes }, signal)).nodes.map(({ hostname }) => hostname);
    expect(await looked("self", BRAVO, "alpha", "bbb")).toEqual(["alpha", "bravo"]);
    await expect(looked("delta")).rejects.toMatchObject({ code: "not_found", message: "node delta not found" });
    subject.learn({ ...FACTS, nodes: [...FACTS.nodes, node(nodeId(`${BRAVO.slice(1)}x`), "bravo")] });
    await expect(looked("bravo")).rejects.toThrow("node bravo is ambiguous (2 matches found)");
    await expect(looked("bb")).rejects.toThrow("node bb is ambiguous");
  });

  it("waits for nobody longer than its time", async () => {
    const clock = new ManualClock();
    const subject = doctor({ clock, answer: () => new Promise(() => {}) });
    subject.learn(FACTS);
    const looking = subject.look({ repair: false, nodes: ["bravo"] }, signal);
    await clock.advance(10_000);
    expect((await looking).nodes).toMatchObject([{ state: "unknown", message: "it didn't answer in time" }]);
    const mending = subject.look({ repair: true, nodes: ["bravo"] }, signal);
    await clock.advance(30_000);
    expect((await mending).nodes).toMatchObject([{ hostname: "bravo", state: "unknown" }]);
    expect(clock.pending).toBe(0);
  });
});
