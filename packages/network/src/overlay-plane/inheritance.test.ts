import { ManualClock } from "@murmur/base";
import { taskId } from "@murmur/model";
import { beforeEach, describe, expect, it } from "vitest";
import { Inheritance } from "./inheritance.ts";

const [one, two, other] = [taskId("one"), taskId("two"), taskId("other")];

describe("what a former process has left", () => {
  let clock: ManualClock;
  let inheritance: Inheritance;
  let isDone: boolean;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  beforeEach(() => {
    clock = new ManualClock();
    inheritance = new Inheritance(clock);
    isDone = false;
    void inheritance.adopted.then(() => (isDone = true));
  });

  it("is there again when all that was found running is attached, and the node knows what it should be", async () => {
    inheritance.expect([one, two]);
    inheritance.adopt(one);
    inheritance.adopt(other);
    inheritance.inform();
    await settle();
    expect(isDone).toBe(false);
    inheritance.adopt(two);
    await settle();
    expect(isDone).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("is not there before the engine was asked, or the cluster has said something", async () => {
    inheritance.inform();
    inheritance.adopt(one);
    await settle();
    expect(isDone).toBe(false);
    inheritance.expect([]);
    await settle();
    expect(isDone).toBe(true);
  });

  it("is waited for so long and no longer", async () => {
    await clock.advance(4_999);
    expect(isDone).toBe(false);
    await clock.advance(1);
    await settle();
    expect(isDone).toBe(true);
  });
});
