import { SeededRandom } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { checkNodes } from "./check-api.ts";
import { HistoryRecorder } from "./history.ts";
import type { NodeInput, NodeOutput, ShownNode } from "./node-model.ts";
import { ConcurrentClients } from "./testing/concurrent-clients.ts";

/** Nodes join and report by themselves; clients update, remove, read and list them. */
function goodClients(random: SeededRandom, operations: number): ConcurrentClients<NodeInput, NodeOutput> {
  const nodes = new Map<string, ShownNode>();
  let index = 0;
  const next = (): number => (index += 1);
  const any = (): ShownNode | undefined => [...nodes.values()][random.below(nodes.size)];
  return new ConcurrentClients<NodeInput, NodeOutput>({
    random,
    clients: 10,
    operations,
    unknownRatio: 0.05,
    meanwhile: () => {
      if (random.below(20) > 0) return;
      const known = any();
      const node = nodes.size < 5 ? { id: `n${String(next())}`, spec: "joined", version: index } : known;
      if (node !== undefined) nodes.set(node.id, { ...node, version: next() });
    },
    choose: () => {
      const known = any();
      const dice = random.below(10);
      if (known === undefined || dice === 0) return { kind: "list" };
      const { id, version } = known;
      if (dice < 5) return { kind: "update", id, version, spec: `spec ${String(random.below(2 ** 31))}` };
      return dice === 5 ? { kind: "remove", id } : { kind: "read", id };
    },
    execute: (input) => {
      if (input.kind === "list") return { kind: "nodes", nodes: [...nodes.values()] };
      const node = nodes.get(input.id);
      if (node === undefined) return { kind: "refused", code: "not_found" };
      if (input.kind === "read") return { kind: "node", node };
      if (input.kind === "remove") {
        if (random.below(4) > 0) return { kind: "refused", code: "failed_precondition" };
        nodes.delete(input.id);
        return { kind: "done", version: next() };
      }
      if (input.version !== node.version) return { kind: "refused", code: "out_of_date" };
      nodes.set(input.id, { id: input.id, spec: input.spec, version: next() });
      return { kind: "done", version: index };
    },
  });
}

const UPDATE: NodeInput = { kind: "update", id: "n", version: 3, spec: "drain" };
const READ: NodeInput = { kind: "read", id: "n" };
const node = (spec: string, version: number): NodeOutput => ({ kind: "node", node: { id: "n", spec, version } });
const done = (version: number): NodeOutput => ({ kind: "done", version });
const refused = (code: "not_found" | "out_of_date"): NodeOutput => ({ kind: "refused", code });

const BAD: Readonly<Record<string, readonly (readonly [NodeInput, NodeOutput])[]>> = {
  "a stale read": [
    [READ, node("active", 3)],
    [UPDATE, done(5)],
    [READ, node("active", 3)],
  ],
  "a change by nobody": [
    [READ, node("active", 3)],
    [READ, node("drain", 4)],
  ],
  "a version that goes back": [
    [READ, node("active", 5)],
    [READ, node("active", 4)],
  ],
  "an update of an old version": [
    [READ, node("active", 5)],
    [UPDATE, done(7)],
  ],
  "a node that is gone and was not removed": [
    [READ, node("active", 3)],
    [READ, refused("not_found")],
  ],
  "a removed node that comes back": [
    [READ, node("active", 3)],
    [{ kind: "remove", id: "n" }, done(6)],
    [READ, node("active", 3)],
  ],
  "a list that lacks a node": [
    [UPDATE, done(5)],
    [{ kind: "list" }, { kind: "nodes", nodes: [] }],
  ],
  "an answer about another node": [[{ kind: "read", id: "other" }, node("active", 3)]],
};

describe("histories of nodes", () => {
  it.each([1_000, 5_000])("%i good operations are accepted", { timeout: 60_000 }, (operations) => {
    for (let seed = 0; seed < 3; seed += 1) {
      const history = goodClients(new SeededRandom(seed), operations).run();
      expect(checkNodes(history)).toMatchObject({ kind: "ok" });
    }
  });

  it.each(Object.entries(BAD))("%s is caught, alone and among 1,000 good operations", (_, story) => {
    const alone = new HistoryRecorder<NodeInput, NodeOutput>({ limit: 10, now: () => 0 });
    for (const [input, output] of story) alone.call("x", input).returned(output);
    expect(checkNodes(alone.history())).toMatchObject({ kind: "violation" });

    const clients = goodClients(new SeededRandom(story.length), 1_000);
    for (const [input, output] of story) {
      for (let left = 700; left > 0; left -= 1) clients.step(true);
      clients.recorder.call("x", input).returned(output);
    }
    expect(checkNodes(clients.run())).toMatchObject({ kind: "violation" });
  });

  it("allow what nodes do by themselves", () => {
    const history = new HistoryRecorder<NodeInput, NodeOutput>({ limit: 10, now: () => 0 });
    const steps: readonly (readonly [NodeInput, NodeOutput])[] = [
      [READ, refused("not_found")],
      [READ, node("active", 3)],
      [READ, node("active", 4)],
      [UPDATE, refused("out_of_date")],
    ];
    for (const [input, output] of steps) history.call("x", input).returned(output);
    expect(checkNodes(history.history())).toMatchObject({ kind: "ok" });
    expect(checkNodes(history.history(), { writers: "clients_only" })).toMatchObject({ kind: "violation" });
  });
});
