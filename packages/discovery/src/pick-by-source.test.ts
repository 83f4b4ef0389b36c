import * as fc from "fast-check";
import { nodeId } from "@murmur/base";
import { taskId, type Endpoint } from "@murmur/model";
import { describe, expect, it } from "vitest";
import type { Candidates } from "./pick.ts";
import { pickBySource } from "./pick-by-source.ts";
import { NO_SUSPECTS } from "./suspects.ts";

const endpoint = (id: string): Endpoint => ({
  taskId: taskId(id),
  slot: 1,
  nodeId: nodeId("n"),
  address: "10.0.0.1",
  ports: [],
});
const among = (ids: readonly string[]): Candidates => ({
  endpoints: ids.map(endpoint),
  suspects: NO_SUSPECTS,
  tried: new Set(),
});
const choice = (ids: readonly string[], source: string): string | undefined => pickBySource(among(ids), source)?.taskId;

const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,12}$/), { minLength: 1, maxLength: 8 });
const address = fc.oneof(fc.ipV4(), fc.ipV6());

describe("by the client's address", () => {
  it("is the same for an address in whatever order the tasks come", () => {
    fc.assert(
      fc.property(names, address, (ids, source) => {
        expect(choice(ids.toReversed(), source)).toBe(choice(ids, source));
      }),
    );
  });

  it("moves the clients of a task that goes, and nobody else", () => {
    fc.assert(
      fc.property(names, address, fc.nat(), (ids, source, at) => {
        const gone = ids[at % ids.length];
        const before = choice(ids, source);
        const rest = ids.filter((id) => id !== gone);
        const after = choice(rest, source);
        if (before !== gone) expect(after).toBe(before);
        else if (rest.length > 0) expect(rest).toContain(after);
        else expect(after).toBeUndefined();
        // Suspected or tried in vain is the same as gone.
        const tried = { ...among(ids), tried: new Set(ids.filter((id) => id === gone).map(taskId)) };
        expect(pickBySource(tried, source)?.taskId).toBe(after);
      }),
    );
  });

  it.each([2, 3, 10])("spreads addresses that follow each other evenly over %i tasks", (tasks) => {
    const ids = Array.from({ length: tasks }, (_, at) => `task${String(at)}`);
    const counts = new Map<string | undefined, number>();
    const clients = 10_000;
    for (let at = 0; at < clients; at += 1) {
      const id = choice(ids, `10.0.${String(at >> 8)}.${String(at & 0xff)}`);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    const share = clients / tasks;
    expect(counts.size).toBe(tasks);
    // Six standard deviations of a fair draw.
    for (const count of counts.values()) expect(Math.abs(count - share)).toBeLessThan(6 * Math.sqrt(share));
  });
});
