import { describe, expect, it } from "vitest";
import { DriverWorld, type Member } from "./testing/driver-world.ts";

const processOf = (member: Member | undefined) => {
  if (member?.process === undefined) throw new Error("it does not run");
  return member.process;
};
/** Every sync waits until it is let through. */
function stall(member: Member): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  member.disk.beforeSync = () => promise;
  return () => {
    member.disk.beforeSync = async () => {};
    resolve();
  };
}

async function settled(seed: number) {
  const world = await DriverWorld.of(seed);
  await world.until(() => world.leader() !== undefined);
  const leader = world.leader() as Member;
  const followers = world.members.filter((member) => member !== leader);
  await world.pass(200);
  return { world, leader, followers: followers as [Member, Member] };
}

describe("a raft driver", () => {
  it("brings what is submitted anywhere to everybody, in the same order", async () => {
    const { world } = await settled(1);
    const done = Array.from({ length: 30 }, (_, at) =>
      world.submit(world.members[at % 3] as Member, `text ${String(at)}`),
    );
    await world.pass(500);
    expect(await Promise.all(done)).toEqual(done.map(() => true));
    const [first] = world.members;
    expect(processOf(first).applied).toHaveLength(30);
    for (const member of world.members) expect(processOf(member).applied).toEqual(processOf(first).applied);
  });

  it("takes nothing for durable that isn't: a lone node whose disk stands still can't elect itself", async () => {
    const world = await DriverWorld.of(2, ["a"]);
    const [only] = world.members as [Member];
    const release = stall(only);
    await world.pass(5_000);
    expect(world.leader()).toBeUndefined();
    release();
    await world.until(() => world.leader() === only);
    const held = stall(only);
    const done = world.submit(only, "text");
    await world.pass(1_000);
    expect(processOf(only).applied).toEqual([]);
    held();
    await world.pass(100);
    expect(await done).toBe(true);
  });

  it("keeps leading, and the others go on, while the leader's disk stands still", async () => {
    const { world, leader, followers } = await settled(3);
    const { term } = processOf(leader).raft.status();
    const release = stall(leader);
    const through = world.submit(followers[0], "meanwhile");
    await world.pass(3_000);
    expect(await through).toBe(true);
    expect(processOf(followers[1]).applied).toEqual(["meanwhile"]);
    expect(processOf(leader).applied).toEqual([]);
    expect(processOf(leader).raft.status()).toMatchObject({ role: "leader", term });
    release();
    await world.pass(200);
    expect(processOf(leader).applied).toEqual(["meanwhile"]);
  });

  it("says nothing of a term that is over: by then what it was about may be cut off again", async () => {
    const world = await DriverWorld.of(12, ["a", "b", "c", "d", "e"]);
    await world.until(() => world.leader() !== undefined);
    const old = world.leader() as Member;
    const [slow, ...others] = world.members.filter((member) => member !== old) as [Member, ...Member[]];
    await world.pass(500);
    for (const { id } of others) world.network.cut(`${old.id}:1`, `${id}:1`);
    const release = stall(slow);
    const lost = world.submit(old, "only the slow one has it, not yet durably");
    await world.pass(100);
    world.network.cut(`${old.id}:1`, `${slow.id}:1`);
    const leads = ({ process }: Member): boolean => process?.raft.status().role === "leader";
    await world.until(() => others.some(leads));
    const next = others.find(leads) as Member;
    expect(await world.during(world.submit(next, "instead of it"))).toBe(true);
    const { sent } = processOf(slow);
    sent.length = 0;
    release();
    await world.until(() => processOf(slow).applied.includes("instead of it"));
    const { term } = processOf(next).raft.status();
    expect(sent.map((message) => message.term)).toEqual(sent.map(() => term));
    expect(sent).not.toEqual([]);
    await world.kill(old);
    expect(await lost).toBe(false);
  });

  it("gives up at once when the disk fails, once, and the others go on", async () => {
    const { world, leader, followers } = await settled(4);
    leader.disk.beforeSync = () => Promise.reject(new Error("EIO"));
    const done = world.submit(followers[0], "text");
    await world.pass(5_000);
    expect(processOf(leader).failures).toHaveLength(1);
    expect(await done).toBe(true);
    expect(
      world.members.filter(({ process }) => process?.raft.status().role === "leader" && process.failures.length === 0),
    ).toHaveLength(1);
    // It takes no more part, as if it were gone.
    expect(
      await processOf(leader).driver.offer(
        leader.id,
        { term: 1, requestId: "r", data: new Uint8Array() },
        new AbortController().signal,
      ),
    ).toMatchObject({ kind: "refused" });
    leader.disk.beforeSync = async () => {};
    await world.kill(leader);
    await world.start(leader);
    await world.until(() => processOf(leader).applied.includes("text"));
  });

  it("fails rather than apply an entry that it can't read", async () => {
    const { world, leader } = await settled(5);
    const { raft, driver } = processOf(leader);
    raft.propose([new Uint8Array([1, 2, 3])]);
    driver.pump();
    await world.pass(500);
    for (const member of world.members) expect(processOf(member).failures).toHaveLength(1);
  });

  it("confirms reads only while a quorum answers, and ends them with their signal", async () => {
    const { world, leader, followers } = await settled(6);
    const never = new AbortController().signal;
    for (const member of world.members) {
      let confirmed = false;
      void processOf(member)
        .driver.barrier(never)
        .then(
          () => (confirmed = true),
          () => {},
        );
      await world.pass(100);
      expect(confirmed).toBe(true);
    }
    for (const follower of followers) await world.kill(follower);
    const caller = new AbortController();
    const refused = processOf(leader)
      .driver.barrier(caller.signal)
      .then(
        () => "confirmed",
        () => "ended",
      );
    await world.pass(5_000);
    caller.abort(new Error("no more"));
    expect(await refused).toBe("ended");
  });

  it("reads by a lease when told to, and not once its process has stood still", async () => {
    const world = await DriverWorld.of(9, ["a", "b", "c"], { leaseReads: true });
    await world.until(() => world.leader() !== undefined);
    const leader = world.leader() as Member;
    await world.pass(500);
    for (const { id } of world.members) if (id !== leader.id) world.network.cut(`${leader.id}:1`, `${id}:1`);
    let reads = 0;
    const read = (): void => {
      processOf(leader)
        .driver.barrier(new AbortController().signal)
        .then(
          () => (reads += 1),
          () => {},
        );
    };
    read();
    await world.pass(5);
    expect(reads).toBe(1);
    leader.pausedMs += 30_000;
    read();
    await world.pass(50);
    expect(reads).toBe(1);
  });

  it("applies what it has to catch up with in slices, and lets others have their turn in between", async () => {
    const world = await DriverWorld.of(8, ["a"]);
    const [only] = world.members as [Member];
    await world.until(() => world.leader() === only);
    const long = "x".repeat(50_000);
    for (let count = 0; count < 40; count += 1)
      expect(await world.during(world.submit(only, `${String(count)} ${long}`))).toBe(true);
    await world.kill(only);
    await world.start(only);
    const { applied } = processOf(only);
    // What is left for the next turn is left to a timer of no time.
    const turns: number[] = [0];
    const setTimer = world.clock.setTimer.bind(world.clock);
    world.clock.setTimer = (delayMs, callback) => {
      if (delayMs === 0) turns.push(applied.length);
      return setTimer(delayMs, callback);
    };
    await world.until(() => applied.length === 40);
    turns.push(applied.length);
    const slices = turns.map((count, at) => count - (turns[at - 1] ?? 0));
    expect(Math.max(...slices)).toBeLessThanOrEqual(12);
  });

  it("sends a snapshot to whoever is too far behind, and goes on from it after a restart", async () => {
    const { world, leader, followers } = await settled(7);
    const [behind, other] = followers;
    await world.kill(behind);
    const long = "x".repeat(900_000);
    for (let count = 0; count < 45; count += 1) {
      expect(await world.during(world.submit(leader, `${String(count)} ${long}`))).toBe(true);
    }
    await world.until(() => processOf(leader).raft.status().firstIndex > 10);
    await world.start(behind);
    const end = (): number => processOf(leader).replica.applied;
    await world.until(() => processOf(behind).replica.applied === end());
    expect(processOf(behind).raft.status().firstIndex).toBeGreaterThan(10);
    for (const member of [behind, other]) {
      await world.kill(member);
      await world.start(member);
    }
    await world.until(() => [behind, other].every((member) => processOf(member).replica.applied === end()));
    expect(await world.during(world.submit(behind, "after"))).toBe(true);
    for (const member of world.members) expect(processOf(member).failures).toEqual([]);
  });

  it.each([11, 12, 13, 14, 15, 16, 17, 18])(
    "loses and repeats nothing over crashes, cuts and stalls, seed %i",
    async (seed) => {
      const world = await DriverWorld.of(seed);
      const { random, members } = world;
      const confirmed: string[] = [];
      const anyone = (): Member => members[random.below(members.length)] as Member;
      for (let round = 0; round < 40; round += 1) {
        const text = `text ${String(round)}`;
        void world.submit(anyone(), text).then((done) => done && confirmed.push(text));
        const victim = anyone();
        const other = anyone();
        switch (random.below(6)) {
          case 0:
            await world.kill(victim);
            await world.start(victim);
            break;
          case 1:
            if (victim !== other) world.network.cut(`${victim.id}:1`, `${other.id}:1`);
            break;
          case 2:
            for (const a of members) for (const b of members) if (a !== b) world.network.heal(`${a.id}:1`, `${b.id}:1`);
            break;
          case 3: {
            const release = stall(victim);
            world.clock.setTimer(random.below(1_500), release);
            break;
          }
          default:
            break;
        }
        await world.pass(random.below(700));
      }
      for (const a of members) for (const b of members) if (a !== b) world.network.heal(`${a.id}:1`, `${b.id}:1`);
      await world.pass(15_000);
      const [first] = members;
      const { applied } = processOf(first);
      for (const member of members) {
        expect(processOf(member).failures).toEqual([]);
        expect(processOf(member).applied).toEqual(applied);
      }
      expect(new Set(applied).size).toBe(applied.length);
      expect(confirmed.filter((text) => !applied.includes(text))).toEqual([]);
      expect(confirmed.length).toBeGreaterThan(10);
    },
  );
});
