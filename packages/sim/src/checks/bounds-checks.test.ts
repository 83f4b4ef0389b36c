import { nodeId } from "@murmur/base";
import { expect, it } from "vitest";
import { World } from "../world/world.ts";
import { BOUNDS, BoundsChecks, leftovers, type BoundHost } from "./bounds-checks.ts";
import { Judge } from "./violation.ts";

const calm = { connections: 0, callsIn: 0, callsOut: 0, streams: 0, joins: 0, channels: {} };

function fakeHost(stats: Partial<typeof calm>, timers = 0): BoundHost {
  const transport = { stats: () => ({ ...calm, ...stats }) };
  const health = {
    score: 0,
    stalls: 0,
    live: 1,
    members: 1,
    rumorsWaiting: 0,
    rumorsDropped: 0,
    relays: 0,
    publications: 0,
  };
  const engine = { state: "ready", message: "" } as const;
  const agent = { tasks: 0, connected: true, engine, engineCallsRunning: 0, engineCallsWaiting: 0, reportsPending: 0 };
  return {
    name: "host1",
    life: { process: { timers } },
    member: {
      identity: { nodeId: nodeId("n1") },
      transport,
      gossip: { health: () => health },
      agent: { stats: () => agent },
      host: { manager: () => undefined },
    },
  };
}

const steps = (checks: BoundsChecks, host: BoundHost, count: number): void => {
  for (let step = 0; step < count; step += 1) checks.stepped(host);
};

it("finds what runs in circles without time passing", () => {
  let now = 0;
  const checks = new BoundsChecks(new Judge(() => now));
  const host = fakeHost({});
  steps(checks, host, BOUNDS.events);
  now = 1;
  steps(checks, host, BOUNDS.events);
  expect(() => steps(checks, host, 1)).toThrow("events at one instant");
});

it("finds queues beyond their bounds", () => {
  let now = 0;
  const found = (host: BoundHost) => (): void => {
    const checks = new BoundsChecks(new Judge(() => (now += 1)));
    steps(checks, host, 1_000);
  };
  expect(found(fakeHost({}))).not.toThrow();
  expect(found(fakeHost({ callsOut: BOUNDS.callsOfPeer + 1 }))).toThrow("calls to peers");
  expect(found(fakeHost({ streams: BOUNDS.streamsOfPeer + 1 }))).toThrow("streams");
  expect(found(fakeHost({ connections: BOUNDS.connections + 1 }))).toThrow("connections");
  expect(found(fakeHost({}, BOUNDS.timers + 1))).toThrow("timers");
});

it("finds a disk that is given more than it takes", () => {
  const checks = new BoundsChecks(new Judge(() => 0));
  const host = fakeHost({});
  for (let write = 0; write < BOUNDS.writes; write += 1) checks.wrote(host);
  checks.durable(host);
  checks.wrote(host);
  expect(() => checks.wrote(host)).toThrow("writes that are not durable");
});

it("finds what is left over when every process has stopped", async () => {
  await World.warmUp();
  const world = new World({ seed: 5 });
  const host = world.addHost();
  await world.found(host);
  await world.pass(1_000);
  expect(await leftovers(world)).toContainEqual("host1 still runs");
  await world.during(host.stop());
  expect(await leftovers(world)).toEqual([]);
  const again = (): void => void world.clock.setTimer(1_000, again);
  again();
  expect(await leftovers(world)).toEqual(["1 events are planned although no process is left"]);
});
