import { ManualClock, nodeId, Scope, silentLog } from "@murmur/base";
import type { MemberListener } from "@murmur/agent";
import { expect, it } from "vitest";
import { watchRivals } from "./address-rivals.ts";

const SELF = { id: nodeId("a".repeat(25)), address: "10.0.0.1:7373" };
const OTHER = nodeId("b".repeat(25));
type Member = Parameters<MemberListener>[1];

function setup() {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const listeners = new Set<MemberListener>();
  const members = new Map<string, Member>();
  const scope = new Scope(silentLog);
  const gossip = {
    member: (id: string) => members.get(id),
    onMember: (listener: MemberListener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const log = { ...silentLog, error: (_text: string, fields?: object) => void errors.push(fields) };
  watchRivals({ self: SELF, gossip, clock, log }, scope);
  const tell = (id: Member["id"], address: string, state: Member["state"] = "alive"): void => {
    const member = { id, address, state, incarnation: 0, meta: new Uint8Array(), since: 0 };
    members.set(id, member);
    for (const listener of listeners) listener("updated", member);
  };
  return { clock, scope, errors, tell, listeners };
}

it("tells of a live node at the same address, once", async () => {
  const { clock, errors, tell } = setup();
  tell(OTHER, "10.0.0.2:7373");
  tell(SELF.id, SELF.address);
  await clock.advance(60_000);
  expect(errors).toEqual([]);
  for (let times = 0; times < 3; times += 1) {
    tell(OTHER, SELF.address);
    await clock.advance(20_000);
  }
  expect(errors).toEqual([{ node: OTHER, address: SELF.address }]);
});

it("gives one that was there before the time to be known where it is, or as gone", async () => {
  const { clock, errors, tell } = setup();
  tell(OTHER, SELF.address);
  await clock.advance(3_000);
  tell(OTHER, "10.0.0.2:7373");
  await clock.advance(20_000);
  tell(OTHER, SELF.address);
  await clock.advance(3_000);
  tell(OTHER, SELF.address, "dead");
  await clock.advance(20_000);
  expect(errors).toEqual([]);
});

it("ends with the scope", async () => {
  const { clock, scope, tell, listeners } = setup();
  tell(OTHER, SELF.address);
  await scope[Symbol.asyncDispose]();
  expect([clock.pending, listeners.size]).toEqual([0, 0]);
});
