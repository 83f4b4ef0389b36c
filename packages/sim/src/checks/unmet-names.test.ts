import { networkId } from "@murmur/model";
import { HOST, type KernelObject } from "@murmur/network";
import { afterEach, describe, expect, it } from "vitest";
import type { Host } from "../world/host.ts";
import { World } from "../world/world.ts";
import { create, end, settle, spec } from "./testing/settled.ts";
import { unmetBridges } from "./unmet-bridges.ts";
import { unmetGuests } from "./unmet-guests.ts";
import { unmetKernels } from "./unmet-kernels.ts";
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

it("of containers that are run by hand are their own, and kernels are as the managers have it, in both families", async () => {
  const all = await serving("overlay");
  const { world, leader } = all;
  const id = networkId(world.newId());
  const spec = {
    name: "front",
    labels: {},
    attachable: true,
    internal: false,
    ipv6: true,
    subnets: [{ subnet: "fd00::/120" }],
  };
  const { manager } = leader;
  const command = { kind: "createNetwork", id, spec, now: world.clock.now() } as const;
  await world.during(manager?.submit(command, new AbortController().signal) ?? Promise.reject(new Error("no manager")));
  await world.pass(5_000);
  const view = manager?.view;
  const [, second] = world.hosts;
  if (view === undefined || second === undefined) throw new Error("there are three hosts");
  expect(unmetKernels(view, world.hosts)).toEqual([]);
  const bridge = second.engine.bridges().find(({ labels }) => labels["io.murmur.network"] === id)?.name ?? "";
  second.engine.runGuest("shell", bridge);
  expect(unmetGuests(view, world.hosts)[0]).toMatch(/told that shell.front.murmur.internal is nothing in place of/);
  await world.pass(5_000);
  expect(unmetGuests(view, world.hosts)).toEqual([]);
  second.engine.removeGuest("shell");
  expect(unmetGuests(view, world.hosts)[0]).toMatch(/is 10\.[0-9.]+ fd00::\w+ in place of nothing/);
  await world.pass(5_000);
  expect(unmetGuests(view, world.hosts)).toEqual([]);
  const held = second.kernel.state.held().get(HOST) ?? new Map<string, KernelObject>();
  const lost = [...held].find(([, object]) => object.kind === "neighbour" && object.address.startsWith("fd00::"));
  second.kernel.state.lose(HOST, lost?.[0] ?? "");
  expect(unmetKernels(view, world.hosts)[0]).toMatch(/^the kernel of host2 lacks fd00::/);
});

it("find networks that an engine has of another node, or that the cluster hasn't", async () => {
  const { world, leader } = await serving("overlay");
  const view = leader.manager?.view;
  const [, second] = world.hosts;
  if (view === undefined || second === undefined) throw new Error("there are three hosts");
  expect(unmetBridges(view, world.hosts)).toEqual([]);
  const { signal } = new AbortController();
  const [own] = second.engine.bridges();
  if (own === undefined) throw new Error("it has the default network");
  const foreign = { ...own, name: "lan", bridge: "lan0", ipv4: { ...own.ipv4, subnet: "10.3.0.0/24" } };
  await world.during(
    second.engine.ensureNetwork({ ...foreign, labels: { ...own.labels, "murmur.node.id": "former" } }, { signal }),
  );
  expect(unmetBridges(view, world.hosts)).toEqual(["the engine of host2 has network lan of node former, not its own"]);
  await world.during(
    second.engine.ensureNetwork({ ...foreign, labels: { ...own.labels, "io.murmur.network": "lan" } }, { signal }),
  );
  expect(unmetBridges(view, world.hosts)).toEqual(["the engine of host2 has network lan, which the cluster hasn't"]);
  await world.pass(60_000);
  expect(unmetBridges(view, world.hosts)).toEqual([]);
});
