import { ClusterError, ManualClock, nodeId, Scope, silentLog, type Log, type NodeId } from "@murmur/base";
import { createCa } from "@murmur/identity";
import { expect, it } from "vitest";
import { Seeds } from "./seeds.ts";

const [SELF, ALPHA, BRAVO] = ["a", "b", "c"].map((letter) => nodeId(letter.repeat(25))) as [NodeId, NodeId, NodeId];

async function setup(addresses: readonly string[], answer: (address: string) => Promise<unknown>) {
  const clock = new ManualClock();
  const { certificatePem } = await createCa({ clusterId: "c1", now: 0 });
  const asked: string[] = [];
  const found: string[] = [];
  const joined: string[] = [];
  const warnings: string[] = [];
  const alive = new Set<NodeId>();
  const log: Log = { ...silentLog, warn: (text) => void warnings.push(text) };
  const seeds = new Seeds({
    addresses,
    call: () => (address) => {
      asked.push(address);
      return answer(address);
    },
    self: SELF,
    caPem: () => certificatePem,
    book: { found: (id, address) => void found.push(`${id} ${address}`) },
    gossip: {
      join: (to) => void joined.push(...to),
      member: (id) => {
        const state = alive.has(id) ? "alive" : "dead";
        return { id, state, address: "", incarnation: 0, meta: new Uint8Array(), since: 0 };
      },
    },
    clock,
    log,
  });
  const scope = new Scope(silentLog);
  scope.run("seeds", (signal) => seeds.seek(signal));
  return { clock, seeds, scope, asked, found, joined, warnings, alive };
}
const { signal } = new AbortController();

it("asks nobody when nobody was named", async () => {
  const { seeds, scope, clock } = await setup([], () => Promise.reject(new Error("nobody")));
  await seeds.ask(signal);
  await clock.advance(100_000);
  expect(scope.running).toBe(0);
});

it("asks until gossip knows the node that answers, and joins each time", async () => {
  const { seeds, scope, clock, asked, found, joined, alive } = await setup(
    ["10.0.0.2:1", "10.0.0.2:1"],
    async () => ALPHA,
  );
  await seeds.ask(signal);
  await clock.advance(1_100);
  expect(found).toEqual([`${ALPHA} 10.0.0.2:1`, `${ALPHA} 10.0.0.2:1`]);
  expect(joined).toEqual(["10.0.0.2:1", "10.0.0.2:1"]);
  alive.add(ALPHA);
  await clock.advance(60_000);
  expect(asked).toHaveLength(3);
  expect(scope.running).toBe(0);
});

it("goes on asking who doesn't answer, each half a minute in the end, and warns of a stranger once", async () => {
  const answers: Readonly<Record<string, () => Promise<unknown>>> = {
    "self:1": async () => SELF,
    "stranger:1": () => Promise.reject(new ClusterError("unauthenticated", "the node is in another cluster")),
    "refused:1": () => Promise.reject(new ClusterError("unavailable", "the connection was refused")),
    "silent:1": () => new Promise(() => {}),
    "odd:1": async () => ({ no: "node" }),
  };
  const { scope, clock, asked, warnings } = await setup(
    Object.keys(answers),
    (address) => answers[address]?.() ?? Promise.reject(new Error("?")),
  );
  await clock.advance(200_000);
  const times = (address: string): number => asked.filter((one) => one === address).length;
  expect(times("self:1")).toBe(1);
  for (const address of ["stranger:1", "refused:1", "silent:1", "odd:1"]) {
    expect(times(address)).toBeGreaterThan(6);
    expect(times(address)).toBeLessThan(15);
  }
  expect(warnings).toEqual(["a --peer is no node of this cluster now"]);
  await scope[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
});

it("takes no longer than two seconds for a round", async () => {
  const { seeds, clock, found } = await setup(["silent:1", "bravo:1"], (address) =>
    address === "bravo:1" ? Promise.resolve(BRAVO) : new Promise(() => {}),
  );
  let isOver = false;
  const round = seeds.ask(signal).then(() => (isOver = true));
  await clock.advance(1_990);
  expect(isOver).toBe(false);
  await clock.advance(20);
  await round;
  expect(found[0]).toBe(`${BRAVO} bravo:1`);
});
