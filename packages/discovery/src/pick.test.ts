import * as fc from "fast-check";
import { nodeId, SeededRandom } from "@murmur/base";
import { taskId, type Endpoint, type TaskId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { localFirst, pickLeastConnections, pickRandom, pickRoundRobin, type Candidates } from "./pick.ts";
import { NO_SUSPECTS } from "./suspects.ts";

const endpoints: readonly Endpoint[] = Array.from({ length: 5 }, (_, at) => ({
  taskId: taskId(`t${at}`),
  slot: at + 1,
  nodeId: nodeId(`n${at % 2}`),
  address: `10.0.0.${at}`,
  ports: [],
}));
const all: Candidates = { endpoints, suspects: NO_SUSPECTS, tried: new Set() };
const none = (): number => 0;

describe("fewest connections first", () => {
  it("chooses a candidate with the fewest, and none that was tried or is suspected", () => {
    const subset = fc.uniqueArray(fc.integer({ min: 0, max: 4 }));
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { minLength: 5, maxLength: 5 }),
        subset,
        subset,
        fc.boolean(),
        (counts, tried, gone, dead) => {
          const ids = (numbers: readonly number[]): Set<TaskId> => new Set(numbers.map((at) => taskId(`t${at}`)));
          const deadNodes = new Set(dead ? [nodeId("n0")] : []);
          const candidates = { endpoints, suspects: { withdrawn: ids(gone), deadNodes }, tried: ids(tried) };
          const countOf = (id: TaskId): number => counts[Number(id.slice(1))] ?? 0;
          const left = [0, 1, 2, 3, 4].filter(
            (at) => !tried.includes(at) && !gone.includes(at) && !(dead && at % 2 === 0),
          );
          const picked = pickLeastConnections(candidates, countOf, new SeededRandom(1));
          if (left.length === 0) {
            expect(picked).toBeUndefined();
            return;
          }
          expect(left).toContain((picked?.slot ?? 0) - 1);
          expect(countOf(taskId(picked?.taskId ?? ""))).toBe(Math.min(...left.map((at) => counts[at] ?? 0)));
          const turned = pickRoundRobin(candidates, counts[0] ?? 0);
          expect(left).toContain((turned?.slot ?? 0) - 1);
        },
      ),
    );
  });

  it("breaks ties evenly", () => {
    const random = new SeededRandom(42);
    const seen = new Map<string, number>();
    for (let round = 0; round < 5_000; round += 1) {
      const id = pickLeastConnections(all, none, random)?.taskId ?? "";
      seen.set(id, (seen.get(id) ?? 0) + 1);
    }
    expect(seen.size).toBe(5);
    for (const count of seen.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});

describe("round robin", () => {
  it("takes each in turn", () => {
    const picked = [0, 1, 2, 3, 4, 5, 6].map((turn) => pickRoundRobin(all, turn)?.taskId);
    expect(picked).toEqual(["t0", "t1", "t2", "t3", "t4", "t0", "t1"]);
    expect(pickRoundRobin({ ...all, endpoints: [] }, 3)).toBeUndefined();
  });
});

it("takes any by chance", () => {
  const random = new SeededRandom(1);
  const seen = Array.from({ length: 5_000 }, () => pickRandom(all, random)?.taskId ?? "");
  for (const { taskId: id } of endpoints) {
    expect(Math.abs(seen.filter((one) => one === id).length - 1_000)).toBeLessThan(150);
  }
});

describe("local first", () => {
  const idsOf = (candidates: Candidates): readonly string[] => candidates.endpoints.map(({ taskId: id }) => id);
  it("keeps to the node's own tasks while any of them may be used", () => {
    expect(idsOf(localFirst(all, nodeId("n1")))).toEqual(["t1", "t3"]);
    const tried = new Set([taskId("t1")]);
    expect(idsOf(localFirst({ ...all, tried }, nodeId("n1")))).toEqual(["t1", "t3"]);
    const suspects = { ...NO_SUSPECTS, withdrawn: new Set([taskId("t3")]) };
    expect(idsOf(localFirst({ ...all, tried, suspects }, nodeId("n1")))).toEqual(["t0", "t1", "t2", "t3", "t4"]);
    expect(idsOf(localFirst(all, nodeId("n9")))).toEqual(["t0", "t1", "t2", "t3", "t4"]);
  });
});
