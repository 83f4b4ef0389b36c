import { codeOf, SeededRandom, sleep, type NodeId } from "@murmur/base";
import { isUsable, NO_SUSPECTS } from "@murmur/discovery";
import { DEFAULT_SNAPSHOT_LIMITS } from "@murmur/manager";
import type { ServiceId, ServiceSpec } from "@murmur/model";
import { SimulatedPlane, type Expectation, type Host, type World } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { CheckedWorld, nodeOf } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { change, changeNode, create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

/*
 * What the simulator's seeds have found, each as the shortest story that shows it. All of the simulator's checks look on.
 */

const signal = new AbortController().signal;
/** How a node asks whether it is a manager. */
const DEPARTURE_LOOK = "departure.look";

interface SceneOptions {
  /** What the first host's wall clock is ahead of the others'. Default: nothing. */
  readonly aheadMs?: number;
  /** After how many entries a log is cut. Default: as many as anywhere, which is more than a story has. */
  readonly logEntries?: number;
}

/** A cluster of so many hosts. */
function scene(size: number, { aheadMs = 0, logEntries }: SceneOptions = {}): Promise<CheckedWorld> {
  return CheckedWorld.settled(1, size, {
    clockError: (number) => ({ rate: 1, wallMs: number === 1 ? aheadMs : 0 }),
    snapshotLimits: {
      ...DEFAULT_SNAPSHOT_LIMITS,
      ...(logEntries !== undefined && { entries: logEntries, trailingEntries: 0 }),
    },
  });
}

function hostOf(host: Host | undefined): Host {
  if (host === undefined) throw new Error("there is no such host");
  return host;
}

const idOf = ({ member }: Host): NodeId | undefined => member?.identity.nodeId;

const votersOf = ({ leader }: CheckedWorld): readonly NodeId[] => leader.manager?.status().membership.voters ?? [];

/** Who leads, who votes beside it, and who doesn't vote. */
function roles(story: CheckedWorld): {
  readonly leader: Host;
  readonly voters: readonly Host[];
  readonly rest: readonly Host[];
} {
  const { leader, hosts } = story;
  const ids = votersOf(story);
  const votes = (host: Host): boolean => ids.some((id) => id === idOf(host));
  return {
    leader,
    voters: hosts.filter((host) => host !== leader && votes(host)),
    rest: hosts.filter((host) => !votes(host)),
  };
}

function cutOff(world: World, host: Host, others: readonly Host[]): void {
  for (const other of others) if (other !== host) world.network.cut(host.address, other.address);
}

function reconnect(world: World, host: Host, others: readonly Host[]): void {
  for (const other of others) if (other !== host) world.network.heal(host.address, other.address);
}

/** All of them are acknowledged, and are to run. */
const running = (...ids: readonly ServiceId[]): Expectation["services"] =>
  new Map(ids.map((id) => [id, { kind: "running" }]));

describe("what seeds have found", () => {
  /*
   * Two leaders, and stale reads. A manager that was taken out wiped its log and kept only term and vote. A former manager
   * that had been cut off, and had never heard of the change, asked it for its vote. With an empty log it found every log
   * long enough. Together they were a majority of the managers of before. A wiped log now remembers how far it reached.
   */
  it("a manager that was taken out gives its vote to none that missed that", async () => {
    await using story = await scene(5);
    const { world, hosts } = story;
    const { leader, voters } = roles(story);
    const [old, out] = voters;
    if (old === undefined || out === undefined) throw new Error("three vote");
    const known = (): number | undefined => old.manager?.status().membership.voters.length;
    expect(await world.until(() => known() === 3, 10_000)).toBeDefined();
    cutOff(world, old, hosts);
    expect(await world.until(() => !votersOf(story).some((id) => id === idOf(old)), 60_000)).toBeDefined();
    await pin(world, leader, out, "worker");
    expect(await world.until(() => out.member?.host.manager() === undefined, 60_000)).toBeDefined();
    expect(old.manager?.status().membership.voters).toContain(idOf(out));
    reconnect(world, old, [out]);
    for (let waited = 0; waited < 30_000; waited += 100) {
      await world.pass(100);
      expect(old.manager?.status().role).not.toBe("leader");
    }
    reconnect(world, old, hosts);
    await story.becomesWhole();
  });

  /*
   * Updates, delays and back-off stood still. Their deadlines are moments of the clock of the leader that began them. The
   * next leader, whose clock was ten minutes behind, waited ten minutes more. Managers now have a time in common.
   */
  it("an update goes on under a leader whose clock is far behind the former one's", async () => {
    await using story = await scene(3, { aheadMs: 600_000 });
    const { world, hosts } = story;
    const first = hostOf(hosts[0]);
    expect(world.leader).toBe(first);
    const web = spec("web", { kind: "replicated", replicas: 4 });
    const delayed = { ...web, update: { ...web.update, delayMs: 1_000, monitorMs: 2_000 } };
    const id = await create(world, first, delayed);
    await story.becomesWhole(running(id));
    await change(world, first, id, { ...delayed, task: { ...delayed.task, forceUpdate: 1 } });
    const updating = (): boolean => world.leader?.manager?.view.service(id)?.updateStatus?.state === "updating";
    expect(await world.until(updating, 5_000)).toBeDefined();
    await world.pass(2_000);
    first.crash("host");
    first.engine.shutDown();
    expect(await world.until(() => world.leader?.manager !== undefined, 10_000)).toBeDefined();
    expect(updating()).toBe(true);
    await story.becomesWhole(running(id));
  });

  /*
   * A host that ran well was down for ever, as all refused each other's certificates: its clock was 69 minutes behind, and
   * certificates began an hour before the signer's now. Clocks may be an hour off now, either way (seed 1100004494).
   */
  it("a host whose clock falls an hour behind is a member, although who signs is an hour ahead", async () => {
    await using story = await scene(3, { aheadMs: 3_540_000 });
    const { world, hosts } = story;
    const [first, late] = [hostOf(hosts[0]), hostOf(hosts[2])];
    expect(world.leader).toBe(first);
    late.clockError.wallMs = -3_540_000;
    // Connections are made anew, and with them certificates are looked at again.
    const self = idOf(late);
    await world.during(late.stop());
    world.restart(late);
    const id = await create(world, first, spec("web", { kind: "replicated", replicas: 4 }));
    await story.becomesWhole(running(id));
    expect(idOf(late)).toBe(self);
  });

  /*
   * Containers for ever. A host that had lost its disk joined anew, as another node. The containers of the node that it
   * had been carried that one's name; its agent took them for somebody else's, and nobody else was there to remove them.
   * And again, when the host had got another address as well: its name is what it still had in common with that node.
   */
  it.each([
    ["is where it was", false, 120_000],
    ["has moved", true, 150_000],
  ])(
    "containers that a host ran before it was wiped go when it has joined anew and %s",
    async (_where, moves, limitMs) => {
      await using story = await scene(4);
      const { world } = story;
      const id = await create(world, story.leader, spec("web", { kind: "replicated", replicas: 8 }));
      await story.becomesWhole(running(id));
      const lost = hostOf(roles(story).rest[0]);
      const before = lost.engine.containers().map((container) => container.id);
      expect(before.length).toBeGreaterThan(0);
      lost.crash();
      lost.wipe();
      if (moves) world.move(lost, new SeededRandom(1));
      await world.pass(10_000);
      await world.during(world.join(lost));
      await story.becomesWhole(running(id), limitMs);
      expect(lost.engine.containers().filter((container) => before.includes(container.id))).toEqual([]);
    },
  );

  /*
   * Out for ever. All managers had changed while one of them was away. When it was back it asked the former ones, its own
   * voters, who answered that they were none; so it neither got a session nor heard that it was out, and kept waking them
   * as managers of old. Every node now says by gossip whether it is a manager.
   */
  it("a manager that was away while all managers changed finds the new ones", async () => {
    await using story = await scene(6);
    const { world } = story;
    const id = await create(world, story.leader, spec("web", { kind: "replicated", replicas: 6 }));
    await story.becomesWhole(running(id));
    const { leader, voters } = roles(story);
    const [away, other] = voters;
    if (away === undefined || other === undefined) throw new Error("three vote");
    // Its agent stores who the managers are.
    await world.pass(5_000);
    const former = idOf(away);
    away.crash();
    expect(await world.until(() => !votersOf(story).some((id) => id === former), 60_000)).toBeDefined();
    for (const host of [other, leader]) {
      await pin(world, story.leader, host, "worker");
      expect(await world.until(() => host.member?.host.manager() === undefined, 60_000)).toBeDefined();
    }
    await world.during(away.resume());
    await story.becomesWhole(running(id));
  });

  /*
   * Traffic to a task that had been told to stop. A node that lagged had acknowledged the withdrawal of a task before it
   * heard that there was one. The next table didn't have the task, so it forgot the withdrawal; the table after that had it.
   * What was withdrawn is now remembered for as long as a table may come late.
   */
  it("a task that was withdrawn is not offered by a node that hears of it only later", async () => {
    await using story = await scene(5);
    const { world } = story;
    const { leader, rest } = roles(story);
    const [worker, late] = rest;
    if (worker === undefined || late === undefined) throw new Error("two of five don't vote");
    const here = { key: "node.id", operator: "==", value: String(idOf(worker)) } as const;
    const placement = { constraints: [here], preferences: [], maxReplicasPerNode: 0, platforms: [] };
    const some = (name: string, replicas: number): ServiceSpec => {
      const plain = spec(name, { kind: "replicated", replicas });
      return { ...plain, task: { ...plain.task, placement } };
    };
    const offers = (host: Host): boolean =>
      host.plane?.table?.services.some(({ endpoints }) => endpoints.length > 0) === true;
    const id = await create(world, leader, some("web", 0));
    await story.becomesWhole(running(id));
    // Too short for a connection to be given up: afterwards both tables come, one after the other.
    const managers = world.hosts.filter((host) => host !== worker && host !== late);
    for (const { address } of managers) world.network.cutOneWay(address, late.address);
    await create(world, leader, some("other", 0));
    await change(world, leader, id, some("web", 1));
    expect(await world.until(() => offers(worker), 400)).toBeDefined();
    await change(world, leader, id, some("web", 0));
    expect(await world.until(() => late.plane?.suspects?.withdrawn.size === 1, 400)).toBeDefined();
    const told = tablesOf(late);
    for (const { address } of managers) world.network.healOneWay(address, late.address);
    await world.pass(500);
    expect(told.map(({ known }) => known)).toContain(1);
    expect(told.map(({ offered }) => offered)).not.toContain(1);
    await story.becomesWhole();
  });

  /*
   * Traffic to a container that had been told to stop. A daemon that had just been started found its container unhealthy
   * before gossip had told it of one live node: there was nobody to ask, so it took its withdrawal for acknowledged. Who
   * knows of others and has met none of them waits now, and asks those whom it meets.
   */
  it("a node that was just started asks the others before it stops a container, and not only those that it has met", async () => {
    await using story = await scene(5);
    const { world } = story;
    const { leader, rest } = roles(story);
    const worker = hostOf(rest[0]);
    const here = { key: "node.id", operator: "==", value: String(idOf(worker)) } as const;
    const placement = { constraints: [here], preferences: [], maxReplicasPerNode: 0, platforms: [] };
    const web = spec("web", { kind: "replicated", replicas: 1 });
    const id = await create(world, leader, { ...web, task: { ...web.task, placement } });
    await story.becomesWhole(running(id));
    worker.crash();
    for (const container of worker.engine.containers()) container.setHealth("unhealthy");
    const offeringAtStop: string[] = [];
    world.observers.push({
      signalled: (host) => {
        if (host !== worker) return;
        offeringAtStop.push(...world.running.filter(offersAny).map(({ name }) => name));
      },
    });
    // Long enough for it to find its container, too short for the others to give it up.
    cutOff(world, worker, world.hosts);
    await world.during(worker.resume());
    await world.pass(100);
    for (const { address } of world.hosts) if (address !== worker.address) world.network.heal(worker.address, address);
    await story.becomesWhole(running(id));
    expect(offeringAtStop).toEqual([]);
  });

  /*
   * A write that was done was called `unavailable`, which says that nothing was done. A node without a manager had passed
   * it on to one that was lost between the commit and the answer. That is a `timeout` now: its outcome isn't known.
   */
  it("a write whose manager is lost before it answers may have been done, and is not called undone", async () => {
    await using story = await scene(4);
    const { world } = story;
    const { leader, voters, rest } = roles(story);
    const asked = hostOf(rest[0]);
    const managers = [leader, ...voters];
    // No answer comes back, whichever of them is asked.
    for (const { address } of managers) world.network.cutOneWay(address, asked.address);
    const body = JSON.stringify({ Name: "web", TaskTemplate: { ContainerSpec: { Image: "web:1" } } });
    const url = "http://murmur/services/create";
    const request = new Request(url, { method: "POST", body, headers: { "content-type": "application/json" } });
    const answer = asked.member?.forward(request).catch((error: unknown) => codeOf(error));
    const made = (): boolean => leader.manager?.view.services().length === 1;
    expect(await world.until(made, 1_000)).toBeDefined();
    for (const host of managers) host.crash();
    for (const { address } of managers) world.network.healOneWay(address, asked.address);
    expect(await world.during(Promise.resolve(answer))).toBe("timeout");
    await world.during(Promise.all(managers.map((host) => host.resume())));
    expect(await world.until(() => world.leader?.manager?.view.services().length === 1, 20_000)).toBeDefined();
    await story.becomesWhole();
  });

  /*
   * A leader that was asked twice to hand over, the second time while it stopped, waited for the second answer after its
   * end. A hand-over ends with its manager now.
   */
  it("a leader that stops gives up every hand-over", async () => {
    await using story = await scene(3);
    const { world } = story;
    const { leader, voters } = roles(story);
    for (const { diskFaults } of voters) diskFaults.stall(3_000);
    const stopped = leader.stop();
    await world.pass(500);
    const asked = leader.manager?.handOver(signal);
    // Rejects when something of the host goes on.
    await world.during(stopped);
    await world.during(Promise.resolve(asked));
    await world.during(leader.resume());
    await story.becomesWhole();
  });

  /*
   * Nothing was written any more. A leader that left handed over to a voter that had died a moment before, which still
   * counted as usable; while it did so nothing was written, not even that the voter was down, so it did so for ever
   * (seed 1100005054). It hands over to who it hears from, to another one next, and leads on for a while in between.
   */
  it.each([0, 1])("a leader leaves although a voter has died a moment before (voter %i)", async (dead) => {
    await using story = await scene(5);
    const { world } = story;
    const { leader, voters } = roles(story);
    const lost = hostOf(voters[dead]);
    lost.crash("host");
    lost.engine.shutDown();
    const left = leader.life?.node.control.leave({ force: false }, signal);
    await world.during(Promise.resolve(left));
    expect(
      await world.until(() => world.leader?.manager !== undefined && world.leader !== leader, 10_000),
    ).toBeDefined();
    await create(world, story.leader, spec("web", { kind: "replicated", replicas: 2 }));
  });

  /*
   * In its cluster for ever, by itself (seed 1100128649). A manager was let go, and its disk failed while it waited for an
   * engine that didn't answer: all of it was started anew, but for the leaving, which waited on for the agent of before. So
   * that it was out, which it heard again and again, was left to somebody who was gone. What waits for an agent ends with it.
   */
  it("a node whose disk fails while it leaves is out once it is well", async () => {
    await using story = await scene(4);
    const { world } = story;
    await create(world, story.leader, spec("web", { kind: "global" }));
    await story.becomesWhole();
    const leaver = hostOf(roles(story).voters[0]);
    const former = nodeOf(leaver);
    const { engine, diskFaults } = leaver;
    const standing = (): string | undefined => leaver.life?.node.control.status().state;
    engine.faults.answersLost = 1;
    const left = leaver.life?.node.control.leave({ force: false }, signal).catch((error: unknown) => error);
    expect(await world.until(() => story.leader.manager?.view.node(former) === undefined, 20_000)).toBeDefined();
    diskFaults.broken = true;
    expect(await world.until(() => standing() === "failed", 30_000)).toBeDefined();
    diskFaults.broken = false;
    engine.faults.answersLost = 0;
    expect(await world.until(() => standing() === "outside", 60_000)).toBeDefined();
    expect(String(await world.during(Promise.resolve(left)))).toMatch(/has failed while it left.*as soon as it/);
    expect(engine.containers()).toEqual([]);
    await story.joins(leaver);
    await story.becomesWhole();
  });

  /*
   * A quorum lost with one host (seed 1100020126). A learner had died, and its host was wiped, while it waited for another
   * one to have the log. When that had it, both were made voters: two of three from then on, and the next host that lost its
   * disk was one too many. A learner that isn't heard from is waited for now, and replaced as soon as it is known to be down.
   */
  it("a learner that has died while it waited for another one is not made a voter", async () => {
    await using story = await scene(2);
    const { world } = story;
    const lost = story.worker();
    const late = world.addHost();
    await story.joins(late);
    late.diskFaults.stall(3_000);
    const learners = (): readonly NodeId[] => story.leader.manager?.status().membership.learners ?? [];
    expect(await world.until(() => learners().length === 2, 1_000)).toBeDefined();
    const spare = world.addHost();
    await story.joins(spare);
    await world.pass(500);
    const id = idOf(lost);
    lost.crash();
    lost.wipe();
    const votes = (host: Host): boolean => votersOf(story).some((voter) => voter === idOf(host));
    const isSettled = (): boolean => votersOf(story).length === 3;
    expect(await world.until(() => isSettled() || votersOf(story).some((voter) => voter === id), 15_000)).toBeDefined();
    expect([story.leader, late, spare].map(votes)).toEqual([true, true, true]);
  });

  /*
   * Down for ever. A manager that had stood still, with its agent on the same host, got what it had missed as a snapshot,
   * in which that agent's node was down. The session had never ended, and only a change of a node made its manager look
   * whether the node counted as ready. It looks after a snapshot, too.
   */
  it("a node that stood still until its log was cut elsewhere is ready again", async () => {
    await using story = await scene(3, { logEntries: 40 });
    const { world } = story;
    await story.becomesWhole();
    // The first manager: its agent has its session on the same host.
    const late = story.leader;
    const isDown = ({ manager }: Host): boolean =>
      manager?.view.nodes().some(({ id, status }) => id === idOf(late) && status.state === "down") === true;
    late.life?.process.pause();
    expect(await world.until(() => world.leader !== late && isDown(story.leader), 30_000)).toBeDefined();
    for (let number = 0; number < 40; number += 1)
      await create(world, story.leader, spec(`s${String(number)}`, { kind: "replicated", replicas: 0 }));
    expect(isDown(late)).toBe(false);
    late.life?.process.resume();
    await story.becomesWhole();
  });

  /*
   * An engine that was up counted as down for ever. A manager without a leader kept what an agent had reported on a session
   * that was over by then. When it had a leader again, it brought that in after what the agent had said since elsewhere.
   * What came on a session that is lost is dropped now: the agent says it again. What was on its way already may still come
   * late (seeds 2001436, 2003394, 2005276): so an agent is told what its record says, and says it anew when that is wrong.
   */
  it.each([0, 15_000])("what a node reported on a lost session replaces nothing (%i ms)", async (waitMs) => {
    await using story = await scene(3);
    const { world, hosts } = story;
    await story.becomesWhole();
    // The first manager: its agent has its session on the same host.
    const first = story.leader;
    const isConnected = (): boolean => first.member?.agent.stats().connected === true;
    cutOff(world, first, hosts);
    first.engine.shutDown();
    expect(await world.until(() => world.leader !== first && !isConnected(), 30_000)).toBeDefined();
    first.engine.boot();
    // After ten seconds the manager gives up its first try to bring the report in.
    await world.pass(waitMs);
    reconnect(world, first, roles(story).voters);
    const isHeard = (): boolean => isConnected() && first.member?.agent.stats().reportsPending === 0;
    expect(await world.until(isHeard, 30_000)).toBeDefined();
    reconnect(world, first, hosts);
    await story.becomesWhole();
  });

  /*
   * A voter's log was wiped after it had acknowledged entries. Its node had been taken out of the managers, and asked one
   * of them whether that is so. While the answer was on its way the leader took it in again. A "no" counts now only if the
   * node has heard nothing of a leader since it asked.
   */
  it("a manager that was taken out, and in again while it asked, keeps its log", async () => {
    await using story = await scene(5);
    const { world } = story;
    const { leader, voters } = roles(story);
    const out = hostOf(voters[0]);
    const roleOfOut = (): string | undefined =>
      leader.manager?.view.nodes().find(({ id }) => id === idOf(out))?.raftRole;
    const ask = holdAnswers(world, out, DEPARTURE_LOOK, 2_000);
    await pin(world, leader, out, "worker");
    expect(await world.until(() => roleOfOut() === "none" && ask.count > 0, 60_000)).toBeDefined();
    await pin(world, leader, out, "manager");
    expect(await world.until(() => roleOfOut() === "voter", 60_000)).toBeDefined();
    const again = out.manager;
    await world.pass(5_000);
    expect(out.manager).toBe(again);
    await story.becomesWhole();
  });
});

/** Whether a host sends traffic to any task. */
function offersAny({ plane }: Host): boolean {
  const endpoints = plane?.table?.services.flatMap((service) => service.endpoints) ?? [];
  return endpoints.some((endpoint) => isUsable(endpoint, plane?.suspects ?? NO_SUSPECTS));
}

/** With how many endpoints, and to how many of them it may send, a host's data plane is told each table from now on. */
function tablesOf(host: Host): readonly { readonly known: number; readonly offered: number }[] {
  const { plane } = host;
  if (!(plane instanceof SimulatedPlane)) throw new Error(`${host.name} has no data plane of the ports kind`);
  const told: { readonly known: number; readonly offered: number }[] = [];
  plane.update = (table) => {
    plane.table = table;
    const endpoints = table.services.flatMap((service) => service.endpoints);
    const usable = endpoints.filter((endpoint) => isUsable(endpoint, plane.suspects ?? NO_SUSPECTS));
    told.push({ known: endpoints.length, offered: usable.length });
  };
  return told;
}

/** Says what a node may be. */
const pin = (world: World, via: Host, host: Host, pinnedRole: "manager" | "worker"): Promise<void> =>
  changeNode(world, via, nodeOf(host), { pinnedRole });

/** Keeps back for a while what others answer to a method of this host's; counts its calls. */
function holdAnswers(world: World, host: Host, method: string, heldMs: number): { readonly count: number } {
  const transport = host.member?.transport;
  if (transport === undefined) throw new Error(`${host.name} doesn't run`);
  const calls = { count: 0 };
  const call = transport.call.bind(transport);
  transport.call = async (to, asked, body, options) => {
    if (asked === method) calls.count += 1;
    const answer = await call(to, asked, body, options);
    if (asked === method) await sleep(world.clock, heldMs, signal);
    return answer;
  };
  return calls;
}
