import { ClusterError, codeOf, nodeId, type NodeId } from "@murmur/base";
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

  const ask = (method: string, from: NodeId): Promise<DepartureView> =>
    solo.during(departure(solo.manager, { method, from, signal: solo.signal, clock: solo.clock }));
  const addSecond = (): Promise<unknown> => {
    const joined = { address: "10.0.0.2:1", keyDigest: "key", hostname: "second", labels: {} };
    const command = { kind: "createNode", id: SECOND, ...joined, availability: "active", now: 1 } as const;
    return solo.during(solo.manager.submit(command, solo.signal));
  };

  it("says how many nodes there are, and whether one is a manager", async () => {
    await addSecond();
    expect(await ask(DEPARTURE.look, solo.self)).toEqual({ nodes: 2, manager: true });
    expect(await ask(DEPARTURE.look, SECOND)).toEqual({ nodes: 2, manager: false });
    expect(await ask(DEPARTURE.look, nodeId("x".repeat(25)))).toEqual({ nodes: 2, manager: false });
  });

  it("demotes and removes a node at its own wish, and may be asked again", async () => {
    await addSecond();
    await ask(DEPARTURE.demote, SECOND);
    await ask(DEPARTURE.demote, SECOND);
    expect(solo.manager.view.node(SECOND)?.spec.pinnedRole).toBe("worker");
    expect(await ask(DEPARTURE.remove, SECOND)).toEqual({ nodes: 1, manager: false });
    expect(await ask(DEPARTURE.remove, SECOND)).toEqual({ nodes: 1, manager: false });
    await expect(ask(DEPARTURE.demote, SECOND)).rejects.toThrow("does not know this node");
  });

  it("does not let the last manager go", async () => {
    await expect(ask(DEPARTURE.demote, solo.self)).rejects.toThrow("last manager");
  });

  it("understands answers, and says so when it doesn't", () => {
    expect(departureView({ nodes: 3, manager: true })).toEqual({ nodes: 3, manager: true });
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
      askManager: async (method) => {
        done.push(method);
        return { ...(await ask(method, SECOND)), manager: looksAsManager > 0 };
      },
      agent: {
        retire: async () => void done.push("retire"),
        forceOut: () => void done.push("by force"),
      },
    };
    return { member, done };
  };
  const leave = (member: Leaver, force = false): Promise<void> =>
    solo.during(leaveCluster(member, { force, clock: solo.clock, signal: solo.signal }));

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
    expect(stuck.done).not.toContain("retire");
    await leave(stuck.member, true);
    expect(stuck.done).toContain("retire");
  });

  it("does not let the last node go without force", async () => {
    const { member, done } = leaver(0);
    await expect(leave(member)).rejects.toThrow("last node");
    await leave(member, true);
    expect(done).toEqual(["by force", "retire"]);
  });
});
