import { describe, expect, it } from "vitest";
import { Inflight } from "./inflight.ts";

describe("the window of a follower", () => {
  it("is full by number", () => {
    const inflight = new Inflight(2, 1000);
    inflight.add(3, 10);
    expect(inflight.full).toBe(false);
    inflight.add(5, 10);
    expect(inflight.full).toBe(true);
    expect(() => inflight.add(6, 1)).toThrow("room");
  });

  it("is full by bytes", () => {
    const inflight = new Inflight(10, 100);
    inflight.add(1, 60);
    expect(inflight.bytesFree).toBe(40);
    inflight.add(2, 40);
    expect(inflight).toMatchObject({ full: true, bytesFree: 0 });
  });

  it("frees what an answer covers", () => {
    const inflight = new Inflight(3, 1000);
    for (const last of [2, 4, 6]) inflight.add(last, 10);
    inflight.freeTo(1);
    expect(inflight.count).toBe(3);
    inflight.freeTo(5);
    expect(inflight).toMatchObject({ count: 1, bytes: 10, full: false });
    expect(() => inflight.add(6, 1)).toThrow("order");
  });
});
