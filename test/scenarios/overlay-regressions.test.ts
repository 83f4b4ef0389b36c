import { networkId, type ServiceSpec, type TaskId } from "@murmur/model";
import type { Host, World } from "@murmur/sim";
import { describe, expect, it } from "vitest";
import { CheckedWorld, nodeOf } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { change, create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

/*
 * What the simulator's seeds have found in the overlay, each as the shortest story that shows it. Kernels are rendered, and
 * all of the simulator's checks look on.
 */

/** An overlay cluster of three hosts. */
const scene = (): Promise<CheckedWorld> => CheckedWorld.settled(1, 3, { dataPlane: "overlay" });

/** Addresses that a host's kernel gives to new flows. */
const chosenOn = ({ kernel }: Host): ReadonlySet<string> =>
  new Set(
    [...kernel.state.held().values()].flatMap((objects) =>
      [...objects.values()].flatMap((object) =>
        object.kind === "chain" && object.choice.kind === "redirect" ? object.choice.slots : [],
      ),
    ),
  );

/** An overlay cluster of four hosts with an attachable network. */
async function attachable(): Promise<CheckedWorld> {
  const story = await CheckedWorld.settled(1, 4, { dataPlane: "overlay" });
  const subnets = [{ subnet: "10.77.0.0/24" }];
  const lan = { name: "lan", labels: {}, attachable: true, internal: false, subnets };
  await story.submit({ kind: "createNetwork", id: networkId(story.world.newId()), spec: lan });
  await story.becomesWhole();
  await story.world.pass(1_000);
  return story;
}

/** Runs a container in that network, as somebody does by hand, and has it looked at; its address. */
function runByHand(world: World, host: Host): string {
  const bridge = host.engine.bridges().find(({ name }) => name.includes(".lan."));
  const guest = host.engine.runGuest("shell", bridge?.name ?? "");
  world.tell((observer) => observer.guestRuns?.(host, guest));
  return guest.ipv4;
}

describe("what seeds have found in the overlay", () => {
  /*
   * Connections to a task that was stopping (seed 810018 of the profile `overlay`). A daemon that had just been started said
   * that nothing was sent to the task from its node any more. It had rendered that, but not in the containers that ran there
   * from before: in those the former process's rules were still in force. Now it says so once those are attached again.
   */
  it("a daemon that was just started acknowledges no withdrawal before it has looked into its containers", async () => {
    await using story = await scene();
    const { world } = story;
    await create(world, story.leader, spec("client", { kind: "global" }));
    const id = await create(world, story.leader, spec("web", { kind: "replicated", replicas: 6 }));
    await story.becomesWhole();
    const late = story.follower();
    const before = chosenOn(late);
    expect(before.size).toBe(3 + 6);
    late.crash();
    await world.pass(100);
    late.engine.hang();
    await world.during(late.resume());
    await change(world, story.leader, id, spec("web", { kind: "replicated", replicas: 1 }));
    // Whoever acknowledges while its kernel isn't rendered so is refused by a check.
    await world.pass(1_500);
    expect(chosenOn(late)).toEqual(before);
    late.engine.wake();
    await story.becomesWhole();
    expect(chosenOn(late).size).toBe(3 + 1);
  });

  /*
   * The same (seed 3100090). A node whose daemon was being stopped acknowledged a withdrawal that it hadn't rendered and never
   * would: those who waited for a rendering heard that there is none, and took that for an answer.
   */
  it("a daemon that is being stopped acknowledges no withdrawal that it has not rendered", async () => {
    await using story = await scene();
    const { world } = story;
    await create(world, story.leader, spec("client", { kind: "global" }));
    await create(world, story.leader, spec("web", { kind: "replicated", replicas: 6 }));
    await story.becomesWhole();
    const late = story.follower();
    const { leader } = story;
    const asked = leader.engine.containers().map(({ request }) => request.task.id);
    const ask = (task: TaskId | undefined): unknown =>
      leader.member?.transport.call(nodeOf(late), "withdraw", task, { timeoutMs: 60_000 }).catch(() => {});
    late.kernel.faults.slownessMs = 4_000;
    // While it renders the first, the others wait.
    ask(asked[0]);
    await world.pass(50);
    ask(asked[1]);
    ask(asked[2]);
    await world.pass(50);
    await world.during(late.stop());
    late.kernel.heal();
    await world.during(late.resume());
    await world.pass(5_000);
  });

  /*
   * Tasks that a node refused for ever (seed 730000519). A host was wiped, and somebody ran a container in a network that its
   * engine still had from before. As another node it couldn't make the network with its own share of the addresses: whoever
   * is in it keeps the old one. They are taken out of it now, and run on: their addresses may be another node's.
   */
  it("a host that was wiped has its networks anew, whoever is in those of before", async () => {
    await using story = await CheckedWorld.settled(1, 4, { dataPlane: "overlay" });
    const { world } = story;
    const id = networkId(world.newId());
    const lan = { name: "lan", labels: {}, attachable: true, internal: false };
    await story.submit({ kind: "createNetwork", id, spec: lan });
    const web = spec("web", { kind: "global" });
    const networks = [{ target: id, aliases: [] }];
    await create(world, story.leader, { ...web, task: { ...web.task, networks } });
    await story.becomesWhole();
    const lost = story.worker();
    lost.crash();
    lost.wipe();
    const { name = "" } = lost.engine.bridges().find((bridge) => bridge.name.includes(".lan.")) ?? {};
    lost.engine.runGuest("shell", name);
    await world.pass(10_000);
    await story.joins(lost);
    await story.becomesWhole();
    expect(lost.engine.guestsByHand()).toEqual([]);
  });

  /*
   * A container that nobody was ever told of (seed 665670973). A host was wiped, and its engine still had an attachable network
   * from before, which no task needed there: the bridge was taken for the node's own, as it has the same name. As another node
   * the host had no share of that network's addresses, and looked for no guests in it; the engine went on giving addresses of
   * the former node's share. Now a node makes such networks its own as soon as it knows them.
   */
  it.each([
    { subnet: "10.77.0.0/26", why: "without a share of the addresses" },
    { subnet: "10.77.0.0/24", why: "with another share than before" },
  ])("a host that was wiped has no network of the node that it was, $why", async ({ subnet }) => {
    await using story = await CheckedWorld.settled(1, 4, { dataPlane: "overlay" });
    const { world } = story;
    const id = networkId(world.newId());
    const lan = { name: "lan", labels: {}, attachable: true, internal: false, subnets: [{ subnet }] };
    await story.submit({ kind: "createNetwork", id, spec: lan });
    await story.becomesWhole();
    const view = story.leader.manager?.view;
    const lost = story.one((host) => host !== world.leader && (view?.node(nodeOf(host))?.number ?? 9) <= 2);
    const bridge = () => lost.engine.bridges().find(({ name }) => name.includes(".lan."));
    lost.crash();
    lost.wipe();
    lost.engine.runGuest("shell", bridge()?.name ?? "");
    await world.pass(10_000);
    await story.joins(lost);
    await story.becomesWhole();
    await world.pass(12_000);
    expect(bridge()?.labels["murmur.node.id"]).toBe(nodeOf(lost));
    expect(lost.engine.guestsByHand()).toEqual([]);
    await story.becomesWhole();
  });

  /*
   * One address, two containers that were run by hand (seed 1100115571). A node was let go, and its number, with the share of
   * the addresses that follows from it, was the next node's at once. It took its own guests out only when the last of its
   * tasks had stopped, which takes seconds while somebody doesn't answer, and up to a minute.
   */
  it("a node that is out of its cluster has no guests any more at addresses of the next one", async () => {
    await using story = await attachable();
    const { world } = story;
    await create(world, story.leader, spec("web", { kind: "global" }));
    await story.becomesWhole();
    const leaver = story.worker();
    const [former, address] = [nodeOf(leaver), runByHand(world, leaver)];
    const left = leaver.life?.node.control.leave({ force: false }, new AbortController().signal);
    await world.until(() => story.leader.manager?.view.node(former) === undefined, 10_000, 10);
    const next = world.addHost();
    await story.joins(next);
    await world.pass(100);
    expect(leaver.engine.containers().filter(({ live }) => live)).toHaveLength(1);
    expect(leaver.engine.guestsByHand()).toEqual([]);
    expect(runByHand(world, next)).toBe(address);
    await world.during(left ?? Promise.reject(new Error("it runs")));
    await story.joins(leaver);
    await story.becomesWhole();
  });

  /* The same seed: its daemon had died by then, and when it was there again it hadn't heard yet that it was out. */
  it("a node that was removed while its daemon was dead takes its guests out as soon as it hears of it", async () => {
    await using story = await attachable();
    const { world } = story;
    const lost = story.worker();
    const [former, address] = [nodeOf(lost), runByHand(world, lost)];
    lost.crash();
    await story.submit({ kind: "removeNode", id: former, force: true });
    const next = world.addHost();
    await story.joins(next);
    await world.pass(1_000);
    await world.during(lost.resume());
    expect(lost.engine.guestsByHand()).toHaveLength(1);
    expect(runByHand(world, next)).toBe(address);
    await world.pass(5_000);
    expect(lost.engine.guestsByHand()).toEqual([]);
    await story.joins(lost);
    await story.becomesWhole();
  });

  /*
   * A published port that some nodes didn't answer for up to half a minute (found by the bench `partitions`, on real engines).
   * A network was removed and another one made, which got its subnet. On nodes with no task in either, the engine had the old
   * one until its containers were listed the next time, and refused the new one as long. Now a network goes from the engine
   * when it goes from the cluster, and what is in the way of a new one goes when that is made.
   */
  it("a network that got the subnet of a removed one is there on all nodes at once", async () => {
    await using story = await scene();
    const { world } = story;
    await create(world, story.leader, spec("client", { kind: "global" }));
    const published = async (name: string): Promise<ServiceSpec> => {
      const id = networkId(world.newId());
      await story.submit({ kind: "createNetwork", id, spec: { name, labels: {}, attachable: false, internal: false } });
      const service = spec(name, { kind: "replicated", replicas: 1 }, { publishedPort: 9_000 });
      return { ...service, task: { ...service.task, networks: [{ target: id, aliases: [] }] } };
    };
    const before = await published("before");
    const id = await create(world, story.leader, before);
    await story.becomesWhole();
    const subnetOf = (name: string, { engine }: Host): string | undefined =>
      engine.bridges().find((bridge) => bridge.name.includes(`.${name}.`))?.ipv4.subnet;
    const subnet = subnetOf("before", story.leader);
    expect(story.hosts.map((host) => subnetOf("before", host))).toEqual([subnet, subnet, subnet]);
    await story.submit({ kind: "removeService", id });
    await world.until(() => story.leader.manager?.view.service(id) === undefined, 20_000);
    const [target] = before.task.networks.map((network) => networkId(network.target));
    await story.submit({ kind: "removeNetwork", id: target ?? networkId("") });
    await create(world, story.leader, await published("after"));
    await world.pass(2_000);
    expect(story.hosts.map((host) => [subnetOf("before", host), subnetOf("after", host)])).toEqual(
      story.hosts.map(() => [undefined, subnet]),
    );
  });
});
