import { ClusterError, nodeId, type NodeId } from "@murmur/base";
import type { Difference } from "@murmur/network";
import { describe, expect, it } from "vitest";
import { Doctor } from "./doctor.ts";

const [ALPHA, BRAVO, CHARLIE] = ["a", "b", "c"].map((letter) => nodeId(letter.repeat(25))) as [NodeId, NodeId, NodeId];
const { signal } = new AbortController();

interface World {
  readonly answer?: (id: NodeId, body: unknown) => unknown;
  readonly gone?: readonly NodeId[];
}

function doctor({ answer = () => [], gone = [] }: World = {}): Doctor {
  const found: Difference = { where: "host", what: "the bridge is missing" };
  return new Doctor({
    self: ALPHA,
    hostname: "alpha",
    plane: { check: async () => [found], repair: async () => [{ ...found, mended: true }] },
    transport: {
      call: async (id, method, body) => {
        expect(method).toBe("doctor.look");
        return answer(id, body);
      },
      handle: () => ({ [Symbol.dispose]: () => {} }),
    },
    isGone: (id) => gone.includes(id),
  });
}

const node = (id: NodeId, hostname: string) => ({ id, hostname, address: "10.0.0.1:1", raftRole: "none" }) as const;
const FACTS = { nodes: [node(BRAVO, "bravo"), node(CHARLIE, "charlie"), node(ALPHA, "alpha")], gossipKeys: [] };

describe("Doctor", () => {
  it("looks at its own node before the cluster has told who is in it", async () => {
    const { nodes } = await doctor().look({ repair: false }, signal);
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
    const { nodes } = await subject.look({ repair: true }, signal);
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
    const { nodes } = await subject.look({ repair: false }, signal);
    expect(nodes.map(({ state }) => state)).toEqual(["checked", "unknown", "unknown"]);
    expect(nodes[1]?.message).toBe("no answer in 20000 ms");
  });
});
