import { NODE_VOLUMES_MAX, type ContainerSpec } from "@murmur/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { heldVolumes } from "./held-volumes.ts";
import { AgentWorld } from "./testing/agent-world.ts";
import { SAMPLE_NODE } from "./testing/sample-task.ts";

const mounting = (source: string): { readonly container: Partial<ContainerSpec> } => ({
  container: { mounts: [{ kind: "volume", source, target: "/data", readOnly: false }] },
});

describe("the volumes that managers are told of", () => {
  let world: AgentWorld;
  beforeEach(async () => {
    world = new AgentWorld();
    world.engine.makeVolume("before");
    world.engine.makeVolume("private");
    await world.start();
    await world.pass(1_000);
  });
  afterEach(async () => {
    await world.agent.stop();
    expect(world.errors).toEqual([]);
  });

  it("are those that its tasks mount, soon after they were made; nothing is said again", async () => {
    expect(world.manager.volumes).toEqual([]);
    const id = world.assign(mounting("data-{{.Task.Slot}}"));
    world.assign(mounting("before"));
    await world.pass(5_000);
    expect(world.state(id)).toBe("running");
    expect(world.manager.volumes).toEqual(["before", "data-1"]);
    const reports = world.manager.volumeReports;
    await world.pass(120_000);
    expect(world.manager.volumeReports).toBe(reports);
  });

  it("stay told of after the tasks, over a restart of the agent, until the engine has them no more", async () => {
    const ids = [world.assign(mounting("data")), world.assign(mounting("before"))];
    await world.pass(5_000);
    for (const id of ids) world.manager.want(id, "shutdown");
    await world.pass(15_000);
    for (const id of ids) world.manager.remove(id);
    await world.pass(40_000);
    await world.agent.stop();
    world.manager.hangUp();
    await world.start();
    await world.pass(40_000);
    expect(world.manager.volumes).toEqual(["before", "data"]);
    world.engine.removeVolume("data");
    world.agent.volumesChanged();
    await world.pass(2_000);
    expect(world.manager.volumes).toEqual(["before"]);
  });

  it("aren't forgotten while the engine is away", async () => {
    world.assign(mounting("data"));
    await world.pass(5_000);
    world.engine.shutDown();
    world.manager.hangUp();
    await world.pass(20_000);
    expect(world.manager).toMatchObject({ engine: "down", volumes: ["data"] });
    world.engine.boot();
  });
});

it("are so many at most, and none with a name that no cluster could take", () => {
  const names = Array.from({ length: NODE_VOLUMES_MAX + 9 }, (_, at) => `v${String(at).padStart(4, "0")}`);
  const engine = [...names.toReversed(), "a b"].map((name) => ({ name, labels: {} }));
  const held = heldVolumes({ engine, clusterId: SAMPLE_NODE.clusterId, mounted: new Set([...names, "a b"]), told: [] });
  expect(held).toEqual(names.slice(0, NODE_VOLUMES_MAX));
});
