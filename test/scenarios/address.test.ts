import type { NodeId } from "@murmur/base";
import { hostOf as hostPart } from "@murmur/model";
import { IdentityStore } from "@murmur/node";
import { describe, expect, it } from "vitest";
import { isWhole } from "./checks.ts";
import { webSpec } from "./services.ts";
import { hostOf, seeds, settledWorld, type SettledWorld } from "./settled-world.ts";
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

const newAddress = (host: Host): string => host.address.replace("10.0.0.", "10.9.9.");

/** Containers of the service that publishes nothing: no change of an address is a reason to touch them. */
const quietStarts = (world: World): string[] =>
  world.hosts.flatMap(({ engine }) =>
    engine
      .containers()
      .filter(({ name }) => name.startsWith("quiet."))
      .map(({ id, live, starts }) => `${id} ${String(live)} ${String(starts)}`),
  );

async function moving(seed: number, size: number): Promise<SettledWorld & { readonly quiet: readonly string[] }> {
  const settled = await settledWorld(seed, { size });
  const { world, leader } = settled;
  await world.createService(leader, webSpec("quiet", 2 * size));
  await world.until("both services run", () => isWhole(world));
  return { ...settled, quiet: quietStarts(world) };
}

/** The host stops, or its process is lost, and it comes back at another address. */
async function move(world: World, host: Host, to: string, how: "stop" | "kill" | "lost" = "stop"): Promise<void> {
  await (how === "stop" ? world.stop(host) : world.kill(host, how === "kill" ? "process" : "host"));
  host.address = to;
  await world.during(world.start(host));
}

/** Whether every node knows all the others where they are, on its disk too, and all tasks are found where they run. */
async function allIsKnown(world: World): Promise<boolean> {
  const view = world.manager(world.leader())?.view;
  if (view === undefined || !isWhole(world)) return false;
  const present = new Map<NodeId, string>(world.hosts.map((host) => [world.nodeId(host), host.address]));
  const isRight = ({ id, address }: { readonly id: NodeId; readonly address: string }): boolean =>
    present.get(id) === address;
  if (!view.nodes().every(isRight)) return false;
  for (const node of view.nodes()) {
    const running = view.tasksOfNode(node.id).filter(({ desiredState }) => desiredState === "running");
    if (running.some(({ status }) => status.address !== hostPart(node))) return false;
  }
  for (const { state, address, process } of world.hosts) {
    const stored = await new IdentityStore(state).read();
    if (stored?.membership.address !== address || !stored.membership.peers.every(isRight)) return false;
    if (process?.member.gossip.members().every((member) => member.state === "alive" && isRight(member)) !== true)
      return false;
  }
  return true;
}

async function untilAllIsKnown(world: World): Promise<void> {
  for (let tries = 0; !(await allIsKnown(world)); tries += 1) {
    if (tries > 600) throw new Error("not everybody is known where it is");
    await world.pass(100);
  }
}

describe.each(seeds(3))("a node that comes back at another address, seed %i", (seed) => {
  it.each(["stop", "kill", "lost"] as const)("is known there to all, if it was a worker (%s)", async (how) => {
    await using settled = await moving(seed, 4);
    const { world, quiet } = settled;
    const worker = hostOf(world.hosts.find((host) => world.manager(host) === undefined));
    await move(world, worker, newAddress(worker), how);
    await untilAllIsKnown(world);
    expect(quietStarts(world)).toEqual(quiet);
    expect(world.voters).toBe(3);
    // It is no matter of luck: the next start needs nobody's help.
    await world.stop(worker);
    await world.during(world.start(worker));
    await untilAllIsKnown(world);
  });

  it.each(["stop", "kill"] as const)("votes again, if it was the leader (%s)", async (how) => {
    await using settled = await moving(seed, 3);
    const { world, leader, quiet } = settled;
    await move(world, leader, newAddress(leader), how);
    await untilAllIsKnown(world);
    expect(quietStarts(world)).toEqual(quiet);
    expect(world.manager(leader)?.status().membership.voters).toContain(world.nodeId(leader));
    // The others can't elect anybody without it.
    const [lost] = world.hosts.filter((host) => host !== leader);
    await world.kill(hostOf(lost), "host");
    await world.until("there is a leader", () => world.leader(world.running) !== undefined);
    await world.createService(hostOf(world.leader()), webSpec("after", 1));
  });

  it("is found wherever all the others have gone, one after the other", async () => {
    await using settled = await moving(seed, 3);
    const { world, hosts, quiet } = settled;
    for (const host of hosts) {
      await move(world, host, newAddress(host));
      await untilAllIsKnown(world);
    }
    expect(quietStarts(world)).toEqual(quiet);
  });

  it("may have the address that another one had before", async () => {
    await using settled = await moving(seed, 3);
    const { world, hosts, quiet } = settled;
    const [one, two] = [hostOf(hosts[0]), hostOf(hosts[1])];
    const before = [one.address, two.address] as const;
    await world.stop(one);
    await world.stop(two);
    [two.address, one.address] = before;
    await world.during(Promise.all([world.start(one), world.start(two)]));
    await untilAllIsKnown(world);
    expect(quietStarts(world)).toEqual(quiet);
  });

  it("is refused the address that another one has", async () => {
    await using settled = await moving(seed, 3);
    const { world, others } = settled;
    const [one, two] = [hostOf(others[0]), hostOf(others[1])];
    const before = one.address;
    await world.stop(one);
    one.address = two.address;
    await expect(world.during(world.start(one))).rejects.toThrow(
      `${two.address} is the address of node ${world.nodeId(two)}, which answers there`,
    );
    one.address = before;
    await world.during(world.start(one));
    await untilAllIsKnown(world);
  });
});

describe.each(seeds(3))("a network that is renumbered while all nodes are down, seed %i", (seed) => {
  it("is a cluster again once each node is told where one of the others is", async () => {
    await using settled = await moving(seed, 4);
    const { world, hosts, quiet } = settled;
    for (const host of hosts) await world.stop(host);
    for (const host of hosts) host.address = newAddress(host);
    const named = hostOf(hosts[seed % hosts.length]).address;
    for (const host of hosts) host.peers = [named];
    await world.during(Promise.all(hosts.map((host) => world.start(host))));
    await untilAllIsKnown(world);
    expect(quietStarts(world)).toEqual(quiet);
    // The hint was needed once.
    for (const host of hosts) host.peers = [];
    for (const host of hosts) await world.stop(host);
    await world.during(Promise.all(hosts.map((host) => world.start(host))));
    await untilAllIsKnown(world);
    expect(quietStarts(world)).toEqual(quiet);
  });

  it("is none as long as nobody is told, and everything runs on", async () => {
    await using settled = await moving(seed, 3);
    const { world, hosts } = settled;
    const containers = (): string[] => hosts.flatMap(({ engine }) => engine.containers().map(({ id }) => id));
    const before = containers();
    for (const host of hosts) await world.stop(host);
    for (const host of hosts) host.address = newAddress(host);
    await world.during(Promise.all(hosts.map((host) => world.start(host))));
    await world.pass(30_000);
    expect(world.leader()).toBeUndefined();
    expect(containers()).toEqual(before);
    // One that is told is enough, when the others are named to it.
    const last = hostOf(hosts[2]);
    await world.stop(last);
    last.peers = hosts.filter((host) => host !== last).map(({ address }) => address);
    await world.during(world.start(last));
    await untilAllIsKnown(world);
  });
});
