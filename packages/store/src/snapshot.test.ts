import * as fc from "fast-check";
import { serviceId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver, ingress } from "./fixtures.ts";
import { createStore, type Store } from "./store.ts";

function filled(): Driver {
  const driver = new Driver().cluster().nodes("n1", "n2");
  driver.service("web", { ports: [ingress(80), ingress(81, 8080)] });
  driver.running("t1", "web", "n1").running("t2", "web", "n2", 2);
  driver.update("web", { image: "nginx:2", ports: [ingress(80)] });
  driver.report("n1", "t1", { state: "running", message: "läuft ☺ \u007f\u2028" });
  driver.do({
    kind: "recordRestart",
    history: { serviceId: serviceId("web"), slot: 1, specVersion: 3, count: 1, restarts: [1] },
  });
  return driver;
}

const bytesOf = (store: Store): Uint8Array => {
  const chunks = Array.from(store.snapshot(), (chunk) => chunk.slice());
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
};

/** Restores from bytes cut into pieces of `size`. */
function restored(
  bytes: Uint8Array,
  size: number,
): { readonly store: Store; readonly result: { readonly ok: boolean } } {
  const store = createStore();
  const restore = store.restore();
  for (let at = 0; at < bytes.length; at += size) restore.push(bytes.subarray(at, at + size));
  return { store, result: restore.finish() };
}

describe("a snapshot", () => {
  it.each([1, 7, 100, 1_000_000])("comes back the same, cut every %i bytes", (size) => {
    const { store } = filled();
    const copy = restored(bytesOf(store), size);
    expect(copy.result).toEqual({ ok: true, version: store.view.version });
    expect(copy.store.hash()).toBe(store.hash());
    expect([...copy.store.view.tasks()]).toEqual([...store.view.tasks()]);
    expect(copy.store.view.restartHistory(serviceId("web"), 1)?.restarts).toEqual([1]);
    const service = copy.store.view.service(serviceId("web"));
    expect(copy.store.view.tasksOfService(serviceId("web"))[0]?.spec).toBe(service?.previousSpec?.task);
  });

  it("is of the moment in which it was taken", () => {
    const driver = filled();
    const hash = driver.store.hash();
    const chunks = driver.store.snapshot();
    driver.service("later");
    driver.report("n1", "t1", { state: "failed" });
    const copy = createStore();
    const restore = copy.restore();
    for (const chunk of chunks) restore.push(chunk);
    expect(restore.finish().ok).toBe(true);
    expect(copy.hash()).toBe(hash);
  });

  it("of an empty state is one too", () => {
    expect(restored(bytesOf(createStore()), 10).result).toEqual({ ok: true, version: 0 });
  });

  it("writes a spec once, however many tasks share it", () => {
    const driver = new Driver().cluster().nodes("n1").service("web", { image: "unmistakable" });
    for (let slot = 1; slot <= 50; slot += 1) driver.createTask(`t${slot}`, "web", { slot });
    const text = String.fromCharCode(...bytesOf(driver.store));
    expect(text.split("unmistakable")).toHaveLength(2);
  });

  it("tells watchers to start again, and leaves views in place", () => {
    const { store } = filled();
    const other = createStore();
    const { view } = other;
    const watch = other.watch({ limit: 10 });
    const restore = other.restore();
    for (const chunk of store.snapshot()) restore.push(chunk);
    expect(watch.drain()).toEqual({ kind: "changes", batches: [] });
    restore.finish();
    expect(watch.drain()).toEqual({ kind: "resync" });
    expect(view.services()).toEqual(store.view.services());
  });
});

describe("a damaged snapshot", () => {
  it("is refused, wherever a byte was changed, and changes nothing", () => {
    const bytes = bytesOf(filled().store);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        const { store, result } = restored(damaged, 300);
        expect(result).toMatchObject({ ok: false, code: "corrupt" });
        expect(store.view.version).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused when it is cut short, goes on, or is something else", () => {
    const bytes = bytesOf(filled().store);
    const refuses = (damaged: Uint8Array, size: number): void => {
      expect(restored(damaged, size).result.ok).toBe(false);
    };
    fc.assert(fc.property(fc.nat(bytes.length - 1), (end) => refuses(bytes.subarray(0, end), 999)));
    refuses(new Uint8Array([...bytes, ...bytes]), 999);
    fc.assert(fc.property(fc.uint8Array(), (any) => refuses(any, 3)));
  });

  it("stays refused", () => {
    const restore = createStore().restore();
    const first = restore.push(new Uint8Array([123, 10]));
    expect(first).toMatchObject({ ok: false, code: "corrupt" });
    expect(restore.push(new Uint8Array())).toBe(first);
    expect(restore.finish()).toBe(first);
  });
});

describe("a fork", () => {
  it("has what the store has at its moment, however it is read, and goes its own way from then on", () => {
    const driver = filled();
    const hash = driver.store.hash();
    for (const size of [1, 3, 1_000]) {
      const forking = driver.store.fork();
      let fork: Store | undefined;
      while ((fork = forking.read(size)) === undefined);
      expect(fork.hash()).toBe(hash);
      const removal = { kind: "removeService", id: serviceId("web"), now: 9 } as const;
      expect(fork.apply(fork.view.version + 1, removal).ok).toBe(true);
      expect(fork.view.serviceByName("web")).toBeUndefined();
      expect(driver.store.hash()).toBe(hash);
    }
  });

  it("has nothing of what happens while it is read", () => {
    const driver = filled();
    const hash = driver.store.hash();
    const forking = driver.store.fork();
    forking.read(2);
    driver.service("later");
    let fork: Store | undefined;
    while ((fork = forking.read(2)) === undefined);
    expect(fork.hash()).toBe(hash);
    expect(driver.store.hash()).not.toBe(hash);
  });
});
