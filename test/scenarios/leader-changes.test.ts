import type { NodeId } from "@murmur/base";
import { loginSealId, serviceId, type ServiceId, type ServiceSpec, type Task } from "@murmur/model";
import { loginOf, privateImage } from "@murmur/sim";
import { expect, it } from "vitest";
import { CheckedWorld, nodeOf } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { change, changeNode, create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

/* Three hosts, of which the one that leads goes when something is on its way. */
const WHOLE_MS = 60_000;

const withContainer = (base: ServiceSpec, more: Partial<ServiceSpec["task"]["container"]>): ServiceSpec => ({
  ...base,
  task: { ...base.task, container: { ...base.task.container, ...more } },
});

it.each([1, 2, 3])("a login to a registry is there for the next leader's pulls: seed %i", async (seed) => {
  await using scene = await CheckedWorld.settled(seed, 3);
  const { world } = scene;
  const id = serviceId(world.newId());
  const wanted = withContainer(spec("web", { kind: "replicated", replicas: 6 }), { image: privateImage(id) });
  const registryAuth = await scene.seal(loginOf(id), loginSealId(id));
  await scene.submit({ kind: "createService", id, spec: wanted, registryAuth });
  await world.until(() => scene.tasks(id).length > 0, 5_000, 1);
  expect(scene.up(id)).toEqual([]);
  await scene.changeLeader();
  await scene.becomesWhole();
  expect(scene.up(id)).toHaveLength(6);
  // An update that brings no login keeps the one that there is, whoever leads it.
  await change(world, scene.leader, id, { ...wanted, task: { ...wanted.task, forceUpdate: 1 } });
  await world.until(() => scene.tasks(id).length > 6, 5_000, 1);
  await scene.changeLeader();
  await scene.becomesWhole();
  expect(scene.up(id).map(({ spec: { forceUpdate } }) => forceUpdate)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(world.hosts.flatMap(({ engine }) => engine.deniedPulls)).toEqual([]);
});

it.each([1, 2, 3])("devices and privileges stay where they are permitted, whoever leads: seed %i", async (seed) => {
  await using scene = await CheckedWorld.settled(seed, 3);
  const { world } = scene;
  const permitting = scene.follower();
  // Its administrator permits it and starts the daemon anew.
  permitting.permits = { devices: ["/dev/dri"] };
  permitting.crash();
  await world.during(permitting.resume());
  const node = nodeOf(permitting);
  await world.until(
    () => world.leader?.manager?.view.node(node)?.description?.permits?.devices !== undefined,
    WHOLE_MS,
    100,
  );
  const device = { source: "/dev/dri/card0", target: "/dev/gpu", permissions: "rw" } as const;
  const base = spec("gpu", { kind: "replicated", replicas: 3 });
  const id = await create(world, scene.leader, withContainer(base, { devices: [device] }));
  await world.until(() => scene.tasks(id).length === 3, 5_000, 1);
  await scene.changeLeader();
  await scene.becomesWhole();
  expect(scene.up(id).map(({ nodeId }) => nodeId)).toEqual([node, node, node]);
  // Nobody permits this: it waits under every leader, and says why.
  const root = await create(
    world,
    scene.leader,
    withContainer(spec("root", { kind: "replicated", replicas: 1 }), { privileged: true }),
  );
  await world.until(() => scene.tasks(root).some(({ status }) => status.error !== undefined), 10_000, 10);
  await scene.changeLeader();
  await world.pass(5_000);
  expect(scene.tasks(root).map(({ status }) => [status.state, status.error])).toEqual([
    ["pending", "no suitable node (privileged or device access not permitted on 3 nodes)"],
  ]);
  await change(world, scene.leader, root, undefined);
  await scene.becomesWhole();
});

it.each([1, 2, 3])("an update that fails goes back under the next leader: seed %i", async (seed) => {
  await using scene = await CheckedWorld.settled(seed, 3);
  const { world } = scene;
  const base = spec("web", { kind: "replicated", replicas: 4 }, { order: "start-first" });
  const wanted = { ...base, update: { ...base.update, failureAction: "rollback" } } as const;
  const id = await create(world, scene.leader, wanted);
  await scene.becomesWhole();
  const before = scene.up(id).map((task) => task.id);
  // What starts from now on has no such command.
  for (const { engine } of world.hosts) engine.faults.startError = "exec: no such file";
  await change(world, scene.leader, id, withContainer(wanted, { image: "web:2" }));
  await world.until(() => scene.tasks(id).length > 4, 10_000, 1);
  await scene.changeLeader();
  const status = () => world.leader?.manager?.view.service(id)?.updateStatus?.state;
  await world.until(() => status()?.startsWith("rollback") === true, WHOLE_MS, 1);
  for (const { engine } of world.hosts) delete engine.faults.startError;
  await scene.changeLeader();
  await world.until(() => status() === "rollback_completed", WHOLE_MS, 100);
  expect(status()).toBe("rollback_completed");
  await scene.becomesWhole();
  expect(scene.up(id).map((task) => task.spec.container.image)).toEqual(["web:1", "web:1", "web:1", "web:1"]);
  expect(scene.up(id).filter((task) => before.includes(task.id)).length).toBeGreaterThanOrEqual(3);
});

it.each([1, 2, 3])(
  "an old task whose secret is gone is replaced by the next leader, though the update is held up: seed %i",
  async (seed) => {
    await using scene = await CheckedWorld.settled(seed, 3);
    const { world } = scene;
    const secret = await scene.createSecret("key", "what key holds");
    const secrets = [{ secretId: secret, secretName: "key", file: { name: "key", uid: 0, gid: 0, mode: 0o400 } }];
    // More than any host has, before and after.
    const huge = (base: ServiceSpec, memoryBytes: number): ServiceSpec => {
      const { resources } = base.task;
      const reservations = { ...resources.reservations, memoryBytes };
      return { ...base, task: { ...base.task, resources: { ...resources, reservations } } };
    };
    const base = spec("web", { kind: "replicated", replicas: 3 });
    const id = await create(world, scene.leader, huge(withContainer(base, { secrets }), 2 ** 40));
    await world.until(() => scene.tasks(id).length === 3, 5_000, 10);
    await change(world, scene.leader, id, huge(base, 2 ** 41));
    await world.pass(5_000);
    const old = (): readonly Task[] =>
      scene.tasks(id).filter((task) => task.spec.container.secrets !== undefined && task.desiredState === "running");
    expect(old()).toHaveLength(2);
    await scene.submit({ kind: "removeSecret", id: secret });
    await scene.changeLeader();
    await world.until(() => world.leader !== undefined && old().length === 0, WHOLE_MS, 100);
    expect(old()).toEqual([]);
    expect(scene.tasks(id).filter(({ desiredState }) => desiredState === "running")).toHaveLength(3);
    await change(world, scene.leader, id, undefined);
    await scene.becomesWhole();
  },
);

it.each([1, 2, 3])("what waits for a place has it as soon as there is one, whoever leads: seed %i", async (seed) => {
  await using scene = await CheckedWorld.settled(seed, 3);
  const { world } = scene;
  const [one, two] = world.hosts.map(nodeOf);
  if (one === undefined || two === undefined) throw new Error("there are three");
  const base = spec("web", { kind: "replicated", replicas: 4 });
  const placement = {
    constraints: [
      { key: "node.labels.disk", operator: "==", value: "ssd" },
      { key: "node.role", operator: "==", value: "manager" },
    ],
    preferences: [{ spread: "node.labels.zone" }],
    maxReplicasPerNode: 2,
    platforms: [],
  } as const;
  const id = await create(world, scene.leader, { ...base, task: { ...base.task, placement } });
  const errors = (): ReadonlySet<string | undefined> => new Set(scene.tasks(id).map(({ status }) => status.error));
  await world.until(() => scene.tasks(id).length === 4 && !errors().has(undefined), 10_000, 10);
  expect(errors()).toEqual(new Set(["no suitable node (scheduling constraints not satisfied on 3 nodes)"]));
  /** The label is acknowledged, and whoever took it in is gone before anything came of it. */
  const labelAndCrash = async (node: NodeId, zone: string): Promise<void> => {
    await changeNode(world, scene.leader, node, { labels: { disk: "ssd", zone } });
    await scene.changeLeader();
  };
  await labelAndCrash(one, "a");
  await world.until(() => scene.up(id).length === 2, WHOLE_MS, 50);
  await world.pass(2_000);
  expect(scene.up(id).map(({ nodeId }) => nodeId)).toEqual([one, one]);
  const waiting = scene.tasks(id).filter(({ status }) => status.state === "pending");
  expect(new Set(waiting.map(({ status }) => status.error))).toEqual(
    new Set(["no suitable node (scheduling constraints not satisfied on 2 nodes; max replicas per node limit exceed)"]),
  );
  await labelAndCrash(two, "b");
  await scene.becomesWhole();
  const onNode = (node: NodeId): number => scene.up(id).filter(({ nodeId }) => nodeId === node).length;
  expect([onNode(one), onNode(two)]).toEqual([2, 2]);
});

it.each([1, 2, 3])("plugins, engine labels and platforms decide under every leader: seed %i", async (seed) => {
  await using scene = await CheckedWorld.settled(seed, 3);
  const { world } = scene;
  const one = scene.follower();
  const node = nodeOf(one);
  const waiting = async (base: ServiceSpec): Promise<ServiceId> => {
    const id = await create(world, scene.leader, base);
    await world.until(() => scene.tasks(id).some(({ status }) => status.error !== undefined), 10_000, 10);
    return id;
  };
  const placed = (name: string, placement: Partial<ServiceSpec["task"]["placement"]>): ServiceSpec => {
    const base = spec(name, { kind: "replicated", replicas: 2 });
    return { ...base, task: { ...base.task, placement: { ...base.task.placement, ...placement } } };
  };
  const volumeDriver = { name: "rexray", options: {} };
  const mounts = [{ kind: "volume", source: "data", target: "/data", readOnly: false, volumeDriver }] as const;
  const plugged = await waiting(withContainer(spec("plugged", { kind: "replicated", replicas: 2 }), { mounts }));
  const labelled = await waiting(
    placed("labelled", { constraints: [{ key: "engine.labels.gpu", operator: "==", value: "yes" }] }),
  );
  const other = await waiting(placed("other", { platforms: [{ os: "linux", architecture: "arm64" }] }));
  const errors = (id: ServiceId) => [...new Set(scene.tasks(id).map(({ status }) => status.error))];
  const allWait = (): void => {
    expect(errors(plugged)).toEqual(["no suitable node (missing plugin on 3 nodes)"]);
    expect(errors(labelled)).toEqual(["no suitable node (scheduling constraints not satisfied on 3 nodes)"]);
    expect(errors(other)).toEqual(["no suitable node (unsupported platform on 3 nodes)"]);
  };
  allWait();
  await scene.changeLeader();
  await world.pass(5_000);
  allWait();
  // Its administrator sees to both while the daemon is away; and who leads when it is back goes at once.
  one.crash();
  one.engine.installPlugin("Volume", "rexray");
  one.engine.labels = { gpu: "yes" };
  await world.during(one.resume());
  const isKnown = () => world.leader?.manager?.view.node(node)?.description?.engine.labels["gpu"] === "yes";
  await world.until(isKnown, WHOLE_MS, 10);
  await scene.changeLeader();
  await world.until(() => scene.up(plugged).length === 2 && scene.up(labelled).length === 2, WHOLE_MS, 50);
  for (const id of [plugged, labelled]) expect(scene.up(id).map(({ nodeId }) => nodeId)).toEqual([node, node]);
  expect(errors(other)).toEqual(["no suitable node (unsupported platform on 3 nodes)"]);
  await change(world, scene.leader, other, placed("other", { platforms: [{ os: "linux", architecture: "amd64" }] }));
  await scene.changeLeader();
  await scene.becomesWhole();
  expect(scene.up(other)).toHaveLength(2);
});

it.each([1, 2, 3])("what is unhealthy is replaced, whoever leads: seed %i", async (seed) => {
  await using scene = await CheckedWorld.settled(seed, 3);
  const { world } = scene;
  const id = await create(world, scene.leader, spec("web", { kind: "replicated", replicas: 6 }));
  await scene.becomesWhole();
  const ill = world.hosts.flatMap((host) => host.engine.containers().slice(0, 1));
  expect(ill).toHaveLength(3);
  for (const container of ill) container.setHealth("unhealthy");
  await scene.changeLeader();
  await world.until(() => ill.every(({ live }) => !live), WHOLE_MS, 50);
  await scene.becomesWhole();
  expect(scene.up(id)).toHaveLength(6);
  const failed = scene.tasks(id).filter(({ status }) => status.state === "failed");
  expect(failed.map(({ status }) => status.error)).toEqual(
    failed.map(() => expect.stringContaining("unhealthy container")),
  );
  expect(failed.length).toBeGreaterThan(0);
});
