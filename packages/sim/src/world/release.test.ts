import { commonProtocol } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { settle } from "../checks/testing/settled.ts";
import { unmet } from "../checks/liveness.ts";
import type { Host } from "./host.ts";
import { RELEASES, type Release } from "./release.ts";
import { World } from "./world.ts";

async function oldCluster(seed: number, hosts: number): Promise<World> {
  await World.warmUp();
  const world = new World({ seed, release: RELEASES.previous });
  await settle(world, hosts);
  return world;
}

async function replace(world: World, host: Host, release: Release): Promise<void> {
  await world.during(host.stop());
  host.protocol = release;
  await world.during(host.resume());
}

const whole = async (world: World): Promise<void> => {
  const took = await world.until(() => unmet(world, { services: new Map() }).length === 0, 60_000);
  expect(took, unmet(world, { services: new Map() }).join("; ")).toBeDefined();
};
const common = (world: World): number | undefined => {
  const nodes = world.leader?.manager?.view.nodes();
  return nodes && commonProtocol(nodes);
};

describe("a cluster that is upgraded host by host", () => {
  it("counts as upgraded once all its nodes are, and no longer when one is taken back", async () => {
    const world = await oldCluster(1, 3);
    await whole(world);
    for (const host of world.hosts) {
      expect(common(world)).toBe(RELEASES.previous.max);
      await replace(world, host, RELEASES.present);
      await whole(world);
    }
    expect(common(world)).toBe(RELEASES.present.max);
    const [first] = world.hosts;
    if (first === undefined) throw new Error("there are hosts");
    await replace(world, first, RELEASES.previous);
    await whole(world);
    expect(common(world)).toBe(RELEASES.previous.max);
  });

  it("refuses a host that was left two releases behind, in words, and takes it in once it is upgraded", async () => {
    const refusals: string[] = [];
    const world = await oldCluster(2, 4);
    world.observers.push({
      logged: (_host, _level, message, fields) => {
        if (message === "refused a peer") refusals.push(String(fields["error"]));
      },
    });
    const workers = world.hosts.filter(({ manager }) => manager === undefined);
    const [left] = workers;
    if (left === undefined) throw new Error("one of four hosts is a worker");
    const others = world.hosts.filter((host) => host !== left);
    for (const release of [RELEASES.present, RELEASES.next]) {
      for (const host of others) await replace(world, host, release);
      await world.pass(3_000);
    }
    // Each side says who has to be upgraded.
    const old = `\\(protocol ${String(RELEASES.previous.max)}\\)`;
    for (const said of [
      `^node \\w+ runs Murmur .* ${old}, this node runs .* \\(protocol .*\\): upgrade node`,
      `^node \\w+ runs Murmur .* \\(protocol .*\\), this node runs .* ${old}: upgrade this node`,
    ])
      expect(refusals).toContainEqual(expect.stringMatching(new RegExp(said)));
    const connected = (): boolean | undefined => left.member?.agent.stats().connected;
    expect(connected()).toBe(false);
    await replace(world, left, RELEASES.present);
    await whole(world);
    expect(connected()).toBe(true);
  });

  it("doesn't let a host join that is two releases behind", async () => {
    const world = await oldCluster(3, 3);
    for (const release of [RELEASES.present, RELEASES.next]) {
      for (const host of world.hosts) await replace(world, host, release);
    }
    await whole(world);
    const late = world.addHost();
    await expect(world.during(world.join(late))).rejects.toThrow(/protocol .*: upgrade the joining node/);
    await world.during(late.stop());
    late.protocol = RELEASES.present;
    await world.during(world.join(late));
    await whole(world);
  });
});
