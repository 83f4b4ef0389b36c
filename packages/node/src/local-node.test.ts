import { ClusterError, codeOf, ManualClock, nodeId, SeededRandom } from "@murmur/base";
import type { InitRequest, JoinRequest } from "@murmur/api";
import { caDigest, formatToken } from "@murmur/identity";
import { DEFAULT_CLUSTER_SPEC } from "@murmur/model";
import { MemoryNetwork } from "@murmur/transport";
import { describe, expect, it } from "vitest";
import { DEPARTURE } from "./departure.ts";
import { Machine } from "./testing/machine.ts";
import * as simulatedTime from "./testing/simulated-time.ts";

const signal = new AbortController().signal;
const INIT = { availability: "active", labels: {}, spec: DEFAULT_CLUSTER_SPEC } as const;

function setup() {
  const clock = new ManualClock();
  const random = new SeededRandom(5);
  const network = new MemoryNetwork({ clock, random });
  const machine = (number: number): Machine =>
    new Machine({ clock, random, network, address: `10.0.0.${String(number)}:7373` });
  const during = <T>(work: Promise<T>): Promise<T> => simulatedTime.during(clock, work);
  const until = (condition: () => boolean): Promise<void> =>
    simulatedTime.until(clock, condition, { limitMs: 200_000 });
  const founded = async (request: InitRequest = INIT): Promise<Machine> => {
    const first = machine(1);
    await during(first.control.init(request, signal));
    return first;
  };
  const tokenOf = ({ control }: Machine): string => {
    const cluster = control.member()?.host.manager()?.view.cluster();
    return formatToken({ caDigest: caDigest(cluster?.caPem ?? ""), secret: cluster?.secrets.joinSecret ?? "" });
  };
  const joinRequest = (first: Machine) => ({
    token: tokenOf(first),
    addresses: [first.address],
    labels: {},
    availability: "active" as const,
  });
  const refusal = async (work: Promise<unknown>): Promise<string> => {
    const error = await during(work).catch((reason: unknown) => reason);
    return `${codeOf(error)}: ${String(error)}`;
  };
  return { clock, network, machine, during, until, founded, joinRequest, refusal };
}

describe("a machine's way into a cluster and out of it", () => {
  it("starts a cluster, stops in good order and takes up its place again", async () => {
    const { founded, during, until } = setup();
    const first = await founded();
    const standing = first.control.status();
    expect(standing).toMatchObject({ state: "active", address: first.address, manager: true });
    await during(first.control.stop());
    expect(first.control.status()).toEqual({ state: "outside" });
    await during(first.restarted().resume());
    expect(first.control.status()).toMatchObject({ state: "active" });
    await until(() => first.control.member()?.host.manager()?.status().role === "leader");
    expect(first.control.member()?.cluster()).toBeDefined();
  });

  it("joins, and refuses to join or start twice", async () => {
    const { founded, machine, during, joinRequest, refusal } = setup();
    const first = await founded();
    const second = machine(2);
    await during(second.control.join(joinRequest(first), signal));
    expect(second.control.status()).toMatchObject({ state: "active", manager: false });
    expect(await refusal(second.control.join(joinRequest(first), signal))).toMatch(
      /already_in_cluster.*leave it first/,
    );
    expect(await refusal(second.control.init(INIT, signal))).toMatch(/already_in_cluster/);
  });

  it("lets nobody begin anything before what it left behind is gone", async () => {
    const { founded, machine, during, until, joinRequest, refusal } = setup();
    const first = await founded();
    const second = machine(2);
    await during(second.control.join(joinRequest(first), signal));
    const removal = Promise.withResolvers<void>();
    second.removals = removal.promise;
    const left = second.control.leave({ force: false }, signal);
    await until(() => second.control.member() === undefined);
    expect(await refusal(second.control.join(joinRequest(first), signal))).toMatch(/failed_precondition/);
    removal.resolve();
    await during(left);
    expect(second.control.status()).toEqual({ state: "outside" });
    await during(second.control.join(joinRequest(first), signal));
    expect(second.control.status()).toMatchObject({ state: "active" });
  });

  it("is outside again, with nothing but the key to ask again with, when joining or starting fails", async () => {
    const { founded, machine, joinRequest, refusal } = setup();
    const first = await founded();
    const second = machine(2);
    const request = { ...joinRequest(first), addresses: ["10.0.0.99:7373"] };
    expect(await refusal(second.control.join(request, signal))).toMatch(/unavailable/);
    second.portProblem = new Error("the port is in use");
    expect(await refusal(second.control.join(joinRequest(first), signal))).toContain("in use");
    expect(await refusal(second.control.init(INIT, signal))).toContain("in use");
    expect(second.control.status()).toEqual({ state: "outside" });
    expect([...second.records.keys()]).toEqual(["join-key"]);
    expect(await refusal(second.control.leave({ force: true }, signal))).toMatch(/not_in_cluster/);
  });

  it("begins clusters of the data plane that its daemon was told, unless the request says another", async () => {
    const { machine, during } = setup();
    const planes: unknown[] = [];
    for (const asked of [{}, { dataPlane: "ports" as const }]) {
      const first = machine(1);
      first.told = { dataPlane: "overlay" };
      await during(first.restarted().init({ ...INIT, ...asked }, signal));
      planes.push(first.control.member()?.host.manager()?.view.cluster()?.dataPlane);
      await during(first.control.leave({ force: true }, signal));
    }
    expect(planes).toEqual(["overlay", "ports"]);
  });

  describe("in a cluster of the overlay data plane", () => {
    const OVERLAY = {
      ...INIT,
      dataPlane: "overlay",
      addressPool: { subnet: "10.20.0.0/16", subnetLength: 24 },
    } as const;
    const planeOf = ({ records }: Machine): unknown =>
      (JSON.parse(records.get("membership") ?? "{}") as { dataPlane?: unknown }).dataPlane;

    it("says so in the cluster's record, and keeps it on every node", async () => {
      const { founded, machine, during, joinRequest } = setup();
      const first = await founded(OVERLAY);
      const cluster = first.control.member()?.host.manager()?.view.cluster();
      expect(cluster).toMatchObject({ dataPlane: "overlay", addressPool: OVERLAY.addressPool });
      const second = machine(2);
      await during(second.control.join(joinRequest(first), signal));
      expect([planeOf(first), planeOf(second)]).toEqual(["overlay", "overlay"]);
      expect(second.control.member()?.agent).toBeDefined();
    });

    it("doesn't start or join one whose networks its host would be in the way of", async () => {
      const { founded, machine, joinRequest, refusal } = setup();
      const first = await founded(OVERLAY);
      const second = machine(2);
      second.hostSubnets = ["10.0.0.0/8"];
      const pool = OVERLAY.addressPool.subnet;
      expect(
        await refusal(
          second.control.init({ ...OVERLAY, addressPool: { ...OVERLAY.addressPool, subnet: "10.200.0.0/16" } }, signal),
        ),
      ).toMatch(
        /failed_precondition.*10\.0\.0\.0\/8, or a route to it, which overlaps 10\.200\.0\.0\/16.*--default-addr-pool, as 172\.16\.0\.0\/12/,
      );
      second.hostSubnets = [pool];
      expect(await refusal(second.control.join(joinRequest(first), signal))).toMatch(
        /failed_precondition.* of the cluster's network default/,
      );
      expect(second.control.status()).toEqual({ state: "outside" });
    });

    it("neither starts one, nor joins it, nor takes its place again, when it can't do that", async () => {
      const { founded, machine, during, joinRequest, refusal } = setup();
      const first = await founded(OVERLAY);
      const second = machine(2);
      second.overlayProblem = "nft is missing";
      expect(await refusal(second.control.init(OVERLAY, signal))).toMatch(/failed_precondition.*nft is missing/);
      expect(await refusal(second.control.join(joinRequest(first), signal))).toMatch(
        /failed_precondition.*the cluster's data plane is overlay, which this node can't do: nft is missing/,
      );
      expect(first.control.member()?.host.manager()?.view.nodes()).toHaveLength(1);
      expect(second.control.status()).toEqual({ state: "outside" });
      await during(first.control.stop());
      first.overlayProblem = "nft was removed";
      const restarted = first.restarted();
      await during(restarted.resume());
      expect(restarted.status()).toMatchObject({
        state: "failed",
        message: expect.stringContaining("nft was removed"),
      });
      await during(restarted.stop());
    });
  });

  describe("whose admission is lost on its way", () => {
    /** A machine that the first one has let in, and that has not heard so. */
    async function admittedUnheard() {
      const world = setup();
      const { founded, machine, network, during, until, joinRequest } = world;
      const first = await founded();
      const second = machine(2);
      const nodes = () => first.control.member()?.host.manager()?.view.nodes() ?? [];
      const request = joinRequest(first);
      const asked = new AbortController();
      network.cutOneWay(first.address, second.address);
      const joining = second.control.join(request, asked.signal).catch(codeOf);
      await until(() => nodes().length === 2);
      asked.abort();
      expect(await during(joining)).toBe("cancelled");
      network.healOneWay(first.address, second.address);
      const ghost = nodes().find(({ address }) => address === second.address);
      if (ghost === undefined) throw new Error("it was let in");
      const joined = async (changes: Partial<JoinRequest> = {}) => {
        await during(second.restarted().join({ ...request, ...changes }, signal));
        return second.control.member()?.identity.nodeId;
      };
      return { ...world, first, second, nodes, ghost, joined };
    }

    it("asks again as the node that it has become, in another process, too", async () => {
      const { second, nodes, ghost, joined, during, until } = await admittedUnheard();
      expect(await joined()).toBe(ghost.id);
      await until(() => nodes().find(({ id }) => id === ghost.id)?.status.state === "ready");
      expect(nodes()).toHaveLength(2);
      expect([...second.records.keys()]).not.toContain("join-key");
      await during(second.control.leave({ force: false }, signal));
      expect([...second.records.keys()]).toEqual([]);
      expect(await joined()).not.toBe(ghost.id);
    });

    it("is another node when it was removed meanwhile, or asks for another place", async () => {
      const { first, nodes, ghost, joined, during, clock } = await admittedUnheard();
      const removal = { kind: "removeNode", id: ghost.id, force: true, now: clock.now() } as const;
      await during(Promise.resolve(first.control.member()?.host.manager()?.submit(removal, signal)));
      expect(nodes()).toHaveLength(1);
      expect(await joined()).not.toBe(ghost.id);
      expect(nodes()).toHaveLength(2);
      const other = await admittedUnheard();
      expect(await other.joined({ labels: { zone: "b" } })).not.toBe(other.ghost.id);
      expect(other.nodes().map(({ spec }) => spec.labels)).toContainEqual({ zone: "b" });
    });
  });

  it("is neither in a cluster nor outside before its disk has been read, and what is asked meanwhile comes after", async () => {
    const { founded, machine, during, refusal } = setup();
    const first = await founded();
    await during(first.control.stop());
    const restarted = first.restarted();
    const resumed = restarted.resume();
    expect(restarted.status()).toEqual({ state: "starting" });
    const refused = refusal(restarted.init(INIT, signal));
    await during(resumed);
    expect(await refused).toMatch(/already_in_cluster/);
    const second = machine(2);
    void second.control.resume();
    await during(second.control.init(INIT, signal));
    expect(second.control.status()).toMatchObject({ state: "active" });
  });

  it("lets one change happen at a time", async () => {
    const { machine, during, refusal } = setup();
    const first = machine(1);
    const starting = first.control.init(INIT, signal);
    expect(first.control.status()).toMatchObject({ state: "joining" });
    expect(await refusal(first.control.init(INIT, signal))).toMatch(/failed_precondition/);
    await during(starting);
    expect(first.control.status()).toMatchObject({ state: "active" });
  });

  it("leaves, and may start anew", async () => {
    const { founded, machine, during, until, joinRequest, refusal } = setup();
    const first = await founded();
    expect(await refusal(first.control.leave({ force: false }, signal))).toMatch(/failed_precondition.*last node/);
    const second = machine(2);
    await during(second.control.join(joinRequest(first), signal));
    await during(second.control.leave({ force: false }, signal));
    expect(second.control.status()).toEqual({ state: "outside" });
    expect([...second.records.keys()]).toEqual([]);
    await until(() => first.control.member()?.host.manager()?.view.nodes().length === 1);
    await during(second.control.init(INIT, signal));
    expect(second.control.status()).toMatchObject({ state: "active" });
  });

  it("has left when the cluster has let it go, also if the answer is lost", async () => {
    const { founded, machine, during, joinRequest } = setup();
    const first = await founded();
    const second = machine(2);
    await during(second.control.join(joinRequest(first), signal));
    const transport = second.control.member()?.transport;
    if (transport === undefined) throw new Error("it has joined");
    const call = transport.call.bind(transport);
    transport.call = async (to, method, body, options) => {
      const answer = await call(to, method, body, options);
      if (method === DEPARTURE.remove) throw new ClusterError("unavailable", "the answer is lost");
      return answer;
    };
    await during(second.control.leave({ force: false }, signal));
    expect(second.control.status()).toEqual({ state: "outside" });
    expect([...second.records.keys()]).toEqual([]);
  });

  it("forgets a cluster that has removed it", async () => {
    const { founded, machine, during, until, joinRequest, clock } = setup();
    const first = await founded();
    const second = machine(2);
    await during(second.control.join(joinRequest(first), signal));
    const id = second.control.member()?.identity.nodeId;
    const manager = first.control.member()?.host.manager();
    if (id === undefined || manager === undefined) throw new Error("both are there");
    await during(manager.submit({ kind: "removeNode", id, force: true, now: clock.now() }, signal));
    await until(() => second.control.status().state === "outside");
    expect([...second.records.keys()]).toEqual([]);
  });

  it("says so when its disk has failed, and goes on by itself as soon as it can", async () => {
    const { founded, until, refusal } = setup();
    const first = await founded();
    const { disk } = first;
    disk.beforeSync = () => Promise.reject(new Error("EIO"));
    await until(() => first.control.status().state === "failed");
    expect(first.control.status()).toMatchObject({ message: expect.stringMatching(/failed.*restarted/) });
    expect(await refusal(first.control.leave({ force: false }, signal))).toMatch(/failed_precondition.*--force/);
    disk.beforeSync = async () => {};
    await until(() => first.control.status().state === "active");
    await until(() => first.control.member()?.host.manager()?.status().role === "leader");
  });

  it("keeps trying when it can't take up its place, until it is told to leave", async () => {
    const { founded, during, until, clock } = setup();
    const first = await founded();
    await during(first.control.stop());
    const held = await first.disk.open();
    const control = first.restarted();
    await during(control.resume());
    expect(control.status()).toMatchObject({ state: "failed", message: expect.stringContaining("in use") });
    await during(Promise.resolve(clock.advance(5_000)));
    expect(control.status().state).toBe("failed");
    await held[Symbol.asyncDispose]();
    await until(() => control.status().state === "active");
    await during(control.stop());
    await first.disk.open();
    await during(first.restarted().resume());
    await during(first.control.leave({ force: true }, signal));
    expect(first.control.status()).toEqual({ state: "outside" });
    await during(Promise.resolve(clock.advance(60_000)));
    expect(first.control.status()).toEqual({ state: "outside" });
  });

  it("stops in the middle of joining, or of starting a cluster, and leaves nothing behind", async () => {
    const { founded, machine, network, during, joinRequest } = setup();
    const first = await founded();
    const second = machine(2);
    network.cut(first.address, second.address);
    const joining = second.control.join(joinRequest(first), signal).catch(codeOf);
    expect(second.control.status()).toMatchObject({ state: "joining" });
    await during(second.control.stop());
    expect(await joining).toBe("cancelled");
    expect(second.control.status()).toEqual({ state: "outside" });
    expect([...second.records.keys()]).toEqual([]);
    const third = machine(3);
    const starting = third.control.init(INIT, signal).catch(codeOf);
    await during(third.control.stop());
    expect(await starting).toBe("cancelled");
    expect([...third.records.keys()]).toEqual([]);
  });

  it("calls leaving off when it is stopped before the cluster has let it go, and takes up its place again", async () => {
    const { founded, machine, network, during, until, joinRequest } = setup();
    const first = await founded();
    const second = machine(2);
    await during(second.control.join(joinRequest(first), signal));
    const id = second.control.member()?.identity.nodeId;
    network.cut(first.address, second.address);
    const leaving = second.control.leave({ force: false }, signal).catch(codeOf);
    await during(second.control.stop());
    expect(await leaving).toBe("cancelled");
    expect(second.control.status()).toEqual({ state: "outside" });
    expect([...second.records.keys()]).toContain("identity");
    network.heal(first.address, second.address);
    await during(second.restarted().resume());
    expect(second.control.member()?.identity.nodeId).toBe(id);
    expect(second.control.status()).toMatchObject({ state: "active" });
    await until(() => first.control.member()?.host.manager()?.view.nodes().length === 2);
  });

  it("completes leaving before it stops, once the cluster has let it go", async () => {
    const { clock, founded, machine, during, until, joinRequest } = setup();
    const first = await founded();
    const second = machine(2);
    await during(second.control.join(joinRequest(first), signal));
    const { promise, resolve } = Promise.withResolvers<void>();
    second.removals = promise;
    const leaving = second.control.leave({ force: false }, signal);
    await until(() => second.control.member() === undefined);
    expect(first.control.member()?.host.manager()?.view.nodes()).toHaveLength(1);
    let stopped = false;
    const stopping = second.control.stop().then(() => (stopped = true));
    await during(clock.advance(500));
    expect(stopped).toBe(false);
    expect([...second.records.keys()]).toContain("identity");
    resolve();
    await during(Promise.all([stopping, leaving]));
    expect([...second.records.keys()]).toEqual([]);
    await during(first.control.stop());
    expect(clock.pending).toBe(0);
  });

  it("is stopped when it has stopped, however often it was told to", async () => {
    const { founded, until, during, clock } = setup();
    const first = await founded();
    await until(() => first.control.member()?.host.manager()?.status().role === "leader");
    const { promise, resolve } = Promise.withResolvers<void>();
    first.disk.beforeSync = () => promise;
    await during(clock.advance(100));
    const stopped = first.control.stop();
    await until(() => first.control.status().state === "joining");
    let again = false;
    const stoppedAgain = first.control.stop().then(() => (again = true));
    await during(clock.advance(500));
    expect(again).toBe(false);
    resolve();
    await during(Promise.all([stopped, stoppedAgain]));
    expect(clock.pending).toBe(0);
  });

  it("comes back at the address that the daemon was told, and finds a cluster that has moved by one that it was named", async () => {
    const { founded, machine, during, until, joinRequest } = setup();
    const first = await founded();
    const second = machine(2);
    await during(second.control.join(joinRequest(first), signal));
    const id = second.control.member()?.identity.nodeId ?? nodeId("");
    const recorded = () => first.control.member()?.host.manager()?.view.node(id);
    for (const moved of [first, second]) await during(moved.control.stop());
    first.address = "10.9.9.1:7373";
    second.address = "10.9.9.2:7373";
    first.told = { advertiseAddr: "10.9.9.1" };
    second.told = { advertiseAddr: "10.9.9.2", peers: ["10.0.0.77:7373", first.address] };
    await during(Promise.all([first.restarted().resume(), second.restarted().resume()]));
    expect(second.control.status()).toMatchObject({ state: "active", address: "10.9.9.2:7373" });
    await until(() => recorded()?.address === "10.9.9.2:7373" && recorded()?.status.state === "ready");
    await during(second.control.stop());
    second.told = {};
    await during(second.restarted().resume());
    expect(second.control.status()).toMatchObject({ state: "active", address: "10.9.9.2:7373" });
  });

  it("says what is wrong with the address that the daemon was told, and goes on when that is right", async () => {
    const { founded, machine, during, joinRequest, refusal } = setup();
    const first = await founded();
    const second = machine(2);
    await during(second.control.join(joinRequest(first), signal));
    await during(second.control.stop());
    second.told = { advertiseAddr: "10.0.0.1" };
    const control = second.restarted();
    await during(control.resume());
    expect(control.status()).toMatchObject({
      state: "failed",
      message: expect.stringMatching(/10\.0\.0\.1:7373 is the address of node/),
    });
    await during(control.stop());
    second.told = { advertiseAddr: "10.0.0.2" };
    await during(second.restarted().resume());
    expect(second.control.status()).toMatchObject({ state: "active", address: "10.0.0.2:7373" });
    const third = machine(3);
    third.told = { advertiseAddr: "10.0.0.3" };
    const request = { ...joinRequest(first), advertiseAddr: "10.0.0.4" };
    expect(await refusal(third.restarted().join(request, signal))).toMatch(
      /was started with --advertise-addr 10\.0\.0\.3/,
    );
  });

  it("stops in the middle of a restart", async () => {
    const { founded, during, until, clock } = setup();
    const first = await founded();
    first.disk.beforeSync = () => Promise.reject(new Error("EIO"));
    await until(() => first.control.status().state === "failed");
    await during(first.control.stop());
    const { pending } = clock;
    expect(pending).toBe(0);
  });
});
