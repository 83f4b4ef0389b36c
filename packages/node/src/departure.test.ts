import { ClusterError, codeOf, nodeId, sleep, type NodeId } from "@murmur/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { departure, DEPARTURE, departureView, type DepartureView } from "./departure.ts";
import { leaveCluster, type Leaver } from "./leave-cluster.ts";
import { SoloManager } from "./testing/solo-manager.ts";

const SECOND = nodeId("2".repeat(25));

describe("departure", () => {
  let solo: SoloManager;
  beforeEach(async () => {
    solo = await SoloManager.start();
  });
  afterEach(() => solo[Symbol.asyncDispose]());

  const ask = (method: string, from: NodeId, body: unknown = null): Promise<DepartureView> =>
    solo.during(departure(solo.manager, { method, from, body, signal: solo.signal, clock: solo.clock }));
  const addSecond = (): Promise<unknown> => {
    const joined = { address: "10.0.0.2:1", keyDigest: "key", hostname: "second", labels: {} };
    const command = { kind: "createNode", id: SECOND, ...joined, availability: "active", now: 1 } as const;
    return solo.during(solo.manager.submit(command, solo.signal));
  };

  it("says how many nodes there are, and whether one is a manager", async () => {
    await addSecond();
    expect(await ask(DEPARTURE.look, solo.self)).toEqual({ nodes: 2, manager: true, pinnedRole: undefined });
    expect(await ask(DEPARTURE.look, SECOND)).toEqual({ nodes: 2, manager: false, pinnedRole: undefined });
    expect(await ask(DEPARTURE.look, nodeId("x".repeat(25)))).toMatchObject({ nodes: 2, manager: false });
  });

  it("demotes and removes a node at its own wish, and may be asked again", async () => {
    await addSecond();
    await ask(DEPARTURE.demote, SECOND);
    await ask(DEPARTURE.demote, SECOND);
    expect(solo.manager.view.node(SECOND)?.spec.pinnedRole).toBe("worker");
    expect(await ask(DEPARTURE.look, SECOND)).toMatchObject({ pinnedRole: "worker" });
    expect(await ask(DEPARTURE.remove, SECOND)).toMatchObject({ nodes: 1, manager: false });
    expect(await ask(DEPARTURE.remove, SECOND)).toMatchObject({ nodes: 1, manager: false });
    await expect(ask(DEPARTURE.demote, SECOND)).rejects.toThrow("does not know this node");
  });

  it("does not let the last manager go", async () => {
    await expect(ask(DEPARTURE.demote, solo.self)).rejects.toThrow("last manager");
  });

  it("understands answers, and says so when it doesn't", () => {
    expect(departureView({ nodes: 3, manager: true })).toEqual({ nodes: 3, manager: true, pinnedRole: undefined });
    expect(departureView({ nodes: 3, manager: true, pinnedRole: "worker" })).toMatchObject({ pinnedRole: "worker" });
    expect(() => departureView("what")).toThrow(ClusterError);
  });

  /** A member whose requests the solo manager answers; `manager` may still be one for some looks. */
  const leaver = (looksAsManager: number): { member: Leaver; done: string[] } => {
    const done: string[] = [];
    let looks = 0;
    const member: Leaver = {
      look: async () => {
        looks += 1;
        return { ...(await ask(DEPARTURE.look, SECOND)), manager: looks > 1 && looks <= looksAsManager };
      },
      askManager: async (method, body) => {
        done.push(method);
        return { ...(await ask(method, SECOND, body)), manager: looksAsManager > 0 };
      },
      agent: {
        retire: async () => void done.push("retire"),
        forceOut: () => void done.push("by force"),
      },
    };
    return { member, done };
  };
  const leave = (member: Leaver, force = false): Promise<void> =>
    solo.during(
      leaveCluster(member, { force, letGo: new AbortController().signal, clock: solo.clock, signal: solo.signal }),
    );

  it("leaves in order: demoted, no manager any more, removed, containers stopped", async () => {
    await addSecond();
    const { member, done } = leaver(5);
    await leave(member);
    expect(done).toEqual([DEPARTURE.demote, DEPARTURE.remove, "retire"]);
  });

  it("gives up when nobody takes over, unless it is forced", async () => {
    await addSecond();
    const stuck = leaver(1_000_000);
    const refusal = await leave(stuck.member).catch((error: unknown) => error);
    expect(`${codeOf(refusal)} ${String(refusal)}`).toMatch(/failed_precondition.*--force/);
    expect(stuck.done).toEqual([DEPARTURE.demote, DEPARTURE.stay]);
    expect(solo.manager.view.node(SECOND)?.spec).not.toHaveProperty("pinnedRole");
    await leave(stuck.member, true);
    expect(stuck.done).toContain("retire");
  });

  it("stays in the role that it was pinned to", async () => {
    await addSecond();
    await ask(DEPARTURE.stay, SECOND, { role: "manager" });
    await leave(leaver(1_000_000).member).catch(() => {});
    expect(solo.manager.view.node(SECOND)?.spec.pinnedRole).toBe("manager");
  });

  it("stays in its role when it is called off, also by force", async () => {
    await addSecond();
    const { member, done } = leaver(1_000_000);
    const calledOff = new AbortController();
    const { clock, signal } = solo;
    const letGo = new AbortController().signal;
    const left = leaveCluster(member, { force: true, letGo, clock, signal: calledOff.signal }).catch(codeOf);
    await solo.during(sleep(clock, 1_000, signal));
    calledOff.abort(new ClusterError("cancelled", "the one who asked is gone"));
    expect(await solo.during(left)).toBe("cancelled");
    expect(done).toEqual(["by force", DEPARTURE.demote, DEPARTURE.stay]);
    expect(solo.manager.view.node(SECOND)?.spec).not.toHaveProperty("pinnedRole");
  });

  it("says how to get its role back when it can't say that it stays", async () => {
    await addSecond();
    const { member } = leaver(1_000_000);
    const cutOff: Leaver = {
      ...member,
      askManager: (method, body, options) =>
        method === DEPARTURE.stay
          ? sleep(solo.clock, 60_000, options.signal)
          : member.askManager(method, body, options),
    };
    await expect(leave(cutOff)).rejects.toThrow(/can't take over.*node update --role auto self/);
  });

  it("takes nothing back when the cluster has let it go", async () => {
    await addSecond();
    const { member, done } = leaver(1_000_000);
    const letGo = new AbortController();
    const { clock, signal } = solo;
    const left = leaveCluster(member, { force: false, letGo: letGo.signal, clock, signal });
    await solo.during(sleep(clock, 1_000, signal));
    letGo.abort(new ClusterError("cancelled", "it was let go"));
    await solo.during(left);
    expect(done).toEqual([DEPARTURE.demote]);
  });

  it("says that it goes on by itself when it fails before its containers are stopped", async () => {
    await addSecond();
    const { member } = leaver(0);
    const stopped = new ClusterError("cancelled", "the agent has been stopped");
    const agent: Leaver["agent"] = { ...member.agent, retire: () => Promise.reject(stopped) };
    await expect(leave({ ...member, agent })).rejects.toThrow(/failed while it left.*as soon as it runs again/);
  });

  it("does not let the last node go without force", async () => {
    const { member, done } = leaver(0);
    await expect(leave(member)).rejects.toThrow("last node");
    await leave(member, true);
    expect(done).toEqual(["by force", "retire"]);
  });
});
