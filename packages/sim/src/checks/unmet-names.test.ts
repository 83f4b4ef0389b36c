import { afterEach, describe, expect, it } from "vitest";
import type { Host } from "../world/host.ts";
import { World } from "../world/world.ts";
import { create, end, settle, spec } from "./testing/settled.ts";
import { unmetNames } from "./unmet-names.ts";

let world: World | undefined;

afterEach(async () => {
  if (world !== undefined) await end(world);
  world = undefined;
});

/** Three hosts, and a service of three tasks that publishes a port. */
async function serving(dataPlane: "ports" | "overlay"): Promise<{ readonly world: World; readonly leader: Host }> {
  await World.warmUp();
  world = new World({ seed: 31, dataPlane });
  await settle(world, 3);
  const { leader } = world;
  if (leader === undefined) throw new Error("nobody leads");
  await create(world, leader, spec("web", { kind: "replicated", replicas: 3 }, { publishedPort: 8_080 }));
  await world.pass(5_000);
  return { world, leader };
}

const lines = ({ world, leader }: { readonly world: World; readonly leader: Host }): string[] => {
  const view = leader.manager?.view;
  if (view === undefined) throw new Error("the leader has no state");
  return unmetNames(view, world.hosts);
};

describe.each(["ports", "overlay"] as const)("names in a cluster of the plane %s", (dataPlane) => {
  it("are as the managers have it, until a node is told something else", async () => {
    const all = await serving(dataPlane);
    expect(lines(all)).toEqual([]);
    const names = all.world.hosts[1]?.names;
    const table = names?.table;
    if (names === undefined || table === undefined) throw new Error("the host has no names");
    names.part.update({ ...table, services: [] });
    expect(lines(all)[0]).toMatch(/^host2 is told that .*web.* is nothing in place of /);
    names.part.update({
      ...table,
      services: table.services.map((one) => ({ ...one, endpoints: one.endpoints.slice(1) })),
    });
    expect(lines(all).length).toBeGreaterThan(0);
    names.part.update(table);
    expect(lines(all)).toEqual([]);
    const gone = new Set(table.services.flatMap(({ endpoints }) => endpoints.slice(1).map(({ taskId }) => taskId)));
    names.part.avoid({ withdrawn: gone, deadNodes: new Set() });
    expect(lines(all)[0]).toContain("host2 is told that");
  });
});
