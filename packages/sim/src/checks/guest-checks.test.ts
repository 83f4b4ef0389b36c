import { SimulatedRuntime, type SimulatedGuest } from "@murmur/agent";
import { nodeId, SeededRandom } from "@murmur/base";
import { networkId, type ClusterNode, type Network } from "@murmur/model";
import { beforeEach, describe, expect, it } from "vitest";
import { EventQueue, WorldClock } from "../world/event-queue.ts";
import { GuestChecks, type GuestHost, type GuestWorld } from "./guest-checks.ts";
import { FakeReplica } from "./testing/fake-replica.ts";
import { Judge } from "./violation.ts";

const ABORT = { signal: new AbortController().signal };
const NET = networkId("net1");
const [N1, N2] = [nodeId("n1"), nodeId("n2")];

interface FakeHost extends GuestHost {
  readonly engine: SimulatedRuntime;
}

/** Two nodes whose engines give addresses of these ranges, of which the first is the share of either. */
function scene(ranges: readonly [string, string]): {
  readonly checks: GuestChecks;
  readonly hosts: readonly FakeHost[];
} {
  const queue = new EventQueue();
  const hosts = [N1, N2].map((id, at): FakeHost => ({
    name: `host${String(at + 1)}`,
    member: { identity: { nodeId: id } },
    engine: new SimulatedRuntime({ clock: new WorldClock(queue), random: new SeededRandom(1) }),
  }));
  const replica = new FakeReplica();
  const ipv4 = { subnet: "10.200.1.0/24", gateway: "10.200.1.1", byHand: "10.200.1.128/26" };
  const network = { id: NET, addressing: { vni: 4_097, ipv4 } } as unknown as Network;
  const node = (id: typeof N1): ClusterNode => ({ id, number: id === N1 ? 1 : 2 }) as unknown as ClusterNode;
  const view = { ...replica.view, network: () => network, node };
  const checks = new GuestChecks(new Judge(() => queue.now), { hosts, leader: { manager: { view } } });
  for (const [at, { engine }] of hosts.entries()) {
    const range = ranges[at] ?? "";
    const labels = { "io.murmur.network": NET, "murmur.node.id": at === 0 ? N1 : N2 };
    const like = { name: "front", labels, bridge: "mmfront", mtu: 1_450, internal: false };
    void engine.ensureNetwork({ ...like, ipv4: { subnet: ipv4.subnet, gateway: ipv4.gateway, range } }, ABORT);
  }
  return { checks, hosts };
}

const SHARES = ["10.200.1.128/29", "10.200.1.136/29"] as const;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs a container by hand, and has it looked at. */
function run({ checks, hosts }: ReturnType<typeof scene>, at: number, name: string): SimulatedGuest {
  const host = hosts[at];
  if (host === undefined) throw new Error("there is no such host");
  const guest = host.engine.runGuest(name, "front");
  checks.guestRuns(host, guest);
  return guest;
}

describe("containers that somebody runs by hand", () => {
  let good: ReturnType<typeof scene>;
  beforeEach(async () => {
    good = scene(SHARES);
    await settled();
  });

  it("are well where each node has its share, also after one was started anew or removed", () => {
    expect([run(good, 0, "a").ipv4, run(good, 0, "b").ipv4, run(good, 1, "a").ipv4]).toEqual([
      "10.200.1.128",
      "10.200.1.129",
      "10.200.1.136",
    ]);
    good.hosts[0]?.engine.removeGuest("a");
    expect(run(good, 0, "b").ipv4).toBe("10.200.1.128");
  });

  it("are found out where an engine gives addresses of another node's share", async () => {
    const wrong = scene([SHARES[0], SHARES[0]]);
    await settled();
    run(wrong, 0, "a");
    expect(() => run(wrong, 1, "b")).toThrow("an address of its node's share");
  });

  it("are found out where two have an address, unless one of their nodes was removed", () => {
    run(good, 0, "a");
    const [first, second] = good.hosts;
    if (first === undefined || second === undefined) throw new Error("there are two hosts");
    const guest = second.engine.runGuest("b", "front");
    const moved = {
      ...second,
      engine: { ...engineOf(second), guestsByHand: () => [{ ...guest, ipv4: "10.200.1.128" }] },
    };
    const hosts = [first, moved];
    const look = (leader: GuestWorld["leader"]) => () =>
      new GuestChecks(new Judge(() => 0), { hosts, leader }).guestRuns(first, run(good, 0, "a"));
    const knowing = (...ids: readonly (typeof N1)[]): GuestWorld["leader"] => {
      const node = (id: typeof N1): ClusterNode | undefined => (ids.includes(id) ? ({ id } as ClusterNode) : undefined);
      return { manager: { view: { ...new FakeReplica().view, network: () => undefined, node } } };
    };
    for (const leader of [undefined, knowing(N1, N2)]) expect(look(leader)).toThrow("an address is one container's");
    for (const leader of [knowing(N1), knowing(N2)]) expect(look(leader)).not.toThrow();
  });
});

const engineOf = ({ engine }: FakeHost): Pick<GuestHost["engine"], "bridges" | "containers"> => ({
  bridges: () => engine.bridges(),
  containers: () => engine.containers(),
});
