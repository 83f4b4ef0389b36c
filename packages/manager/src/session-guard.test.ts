import { ManualClock, nodeId, Scope, silentLog, type NodeId } from "@murmur/base";
import { expect, it } from "vitest";
import { SessionGuard } from "./session-guard.ts";

it("ends the sessions once when no leader has been known for three seconds", async () => {
  const clock = new ManualClock();
  const scope = new Scope(silentLog);
  let leader: NodeId | undefined = nodeId("n1");
  let closed = 0;
  const dispatcher = { closeAll: () => void (closed += 1) };
  new SessionGuard({ leader: () => leader, dispatcher, clock, log: silentLog }).start(scope);
  await clock.advance(10_000);
  leader = undefined;
  await clock.advance(2_500);
  leader = nodeId("n2");
  await clock.advance(1_000);
  leader = undefined;
  await clock.advance(3_000);
  expect(closed).toBe(0);
  await clock.advance(20_000);
  expect(closed).toBe(1);
  await scope[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
});
