import { describe, expect, it } from "vitest";
import { Driver } from "./fixtures.ts";

describe("a watch", () => {
  it("gives the changes of one entry as one batch, with what was before", () => {
    const driver = new Driver().cluster();
    const watch = driver.store.watch({ limit: 100 });
    driver.nodes("n1");
    const events = watch.drain();
    if (events.kind !== "changes") throw new Error("unexpected resync");
    expect(events.batches.map(({ index, changes }) => [index, changes.length])).toEqual([
      [2, 1],
      [3, 1],
    ]);
    const [created, updated] = events.batches.flatMap(({ changes }) => changes);
    expect(created).toMatchObject({ kind: "put", table: "nodes", id: "n1", index: 2, previous: undefined });
    expect(updated?.previous).toBe(created?.current);
    expect(watch.drain()).toEqual({ kind: "changes", batches: [] });
  });

  it("puts commands of one entry together", () => {
    const driver = new Driver().cluster();
    const watch = driver.store.watch({ limit: 100 });
    driver.service("a");
    driver.index -= 1;
    driver.service("b");
    const events = watch.drain();
    expect(events.kind === "changes" && events.batches.map(({ changes }) => changes.length)).toEqual([2]);
  });

  it("says resync once it lost something, and then goes on from there", () => {
    const driver = new Driver().cluster();
    const watch = driver.store.watch({ limit: 2 });
    driver.nodes("n1");
    expect(watch.drain().kind).toBe("changes");
    driver.nodes("n1", "n2", "n3");
    expect(watch.drain()).toEqual({ kind: "resync" });
    driver.nodes("n4");
    const events = watch.drain();
    expect(events.kind === "changes" && events.batches).toHaveLength(2);
  });

  it("wakes its reader once, until it has drained", () => {
    const driver = new Driver().cluster();
    let woken = 0;
    const watch = driver.store.watch({ limit: 2, onReady: () => (woken += 1) });
    driver.nodes("n1", "n2", "n3");
    expect(woken).toBe(1);
    watch.drain();
    driver.nodes("n4");
    expect(woken).toBe(2);
    watch.close();
    driver.nodes("n5");
    expect(watch.drain()).toEqual({ kind: "changes", batches: [] });
  });

  it("hears nothing of what is refused, or changes nothing", () => {
    const driver = new Driver().cluster().nodes("n1");
    const watch = driver.store.watch({ limit: 10 });
    driver.nodeIs("n1", "ready");
    driver.createTask("t", "nothing");
    expect(watch.drain()).toEqual({ kind: "changes", batches: [] });
  });
});
