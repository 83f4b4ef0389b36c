import { ManualClock, nodeId, Scope, silentLog } from "@murmur/base";
import { expect, it } from "vitest";
import { PeerRecords } from "./peer-records.ts";

const peer = (address: string) => ({ id: nodeId("a"), address });

function setup() {
  const clock = new ManualClock();
  const scope = new Scope(silentLog);
  const state = { peers: [peer("1.1.1.1:1")], failing: false };
  const written: string[] = [];
  const errors: string[] = [];
  const records = new PeerRecords(
    {
      book: { all: () => state.peers },
      stored: state.peers,
      write: async ([first]) => {
        if (state.failing) throw new Error("ENOSPC");
        written.push(first?.address ?? "none");
      },
      clock,
      log: { ...silentLog, error: (text) => void errors.push(text) },
    },
    scope,
  );
  return { clock, scope, state, written, errors, records };
}

it("writes what has changed, a second later, and nothing else", async () => {
  const { clock, state, written, records } = setup();
  records.changed();
  await clock.advance(5_000);
  expect(written).toEqual([]);
  for (const address of ["2.2.2.2:1", "3.3.3.3:1"]) {
    state.peers = [peer(address)];
    records.changed();
  }
  await clock.advance(999);
  expect(written).toEqual([]);
  await clock.advance(1);
  records.changed();
  await clock.advance(5_000);
  expect(written).toEqual(["3.3.3.3:1"]);
});

it("writes what waits when it ends", async () => {
  const { clock, scope, state, written, records } = setup();
  state.peers = [peer("2.2.2.2:1")];
  records.changed();
  await scope[Symbol.asyncDispose]();
  expect([written, clock.pending]).toEqual([["2.2.2.2:1"], 0]);
  records.changed();
  expect(clock.pending).toBe(0);
});

it("tries again with the next change when it could not write", async () => {
  const { clock, state, written, errors, records } = setup();
  state.failing = true;
  state.peers = [peer("2.2.2.2:1")];
  records.changed();
  await clock.advance(2_000);
  state.failing = false;
  records.changed();
  await clock.advance(2_000);
  expect(errors).toHaveLength(1);
  expect(written).toEqual(["2.2.2.2:1"]);
});
