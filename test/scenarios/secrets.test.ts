import { configId, LIMITS, secretId, type SecretId, type ServiceSpec } from "@murmur/model";
import type { Host } from "@murmur/sim";
import { expect, it } from "vitest";
import { CheckedWorld } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { change, create, end, settledWorld, spec } from "../../packages/sim/src/checks/testing/settled.ts";

const WHOLE_MS = 60_000;
/** What the simulator's checks expect a secret to hold. */
const contentsOf = (name: string): string => `what ${name} holds`;

function using(id: SecretId, name: string): ServiceSpec {
  const made = spec("web", { kind: "replicated", replicas: 3 });
  const secrets = [{ secretId: id, secretName: name, file: { name: "key", uid: 0, gid: 0, mode: 0o400 } }];
  return { ...made, task: { ...made.task, container: { ...made.task.container, secrets } } };
}

const remove = async (scene: CheckedWorld, id: SecretId): Promise<void> => {
  await scene.submit({ kind: "removeSecret", id });
};

/** What the tasks on these hosts find. */
const found = (hosts: readonly Host[]): string[] =>
  hosts.flatMap(({ files }) =>
    files.tasks().flatMap((id) => (files.of(id) ?? []).map(({ bytes }) => new TextDecoder().decode(bytes))),
  );

it.each([1, 2, 3])("secrets come, are rotated and go while leaders go, seed %i", async (seed) => {
  await using scene = await CheckedWorld.settled(seed, 3);
  const { world, hosts } = scene;
  /** It took something in, and is gone before all of it is carried out. */
  const crashOf = async (host: Host): Promise<void> => {
    await scene.restart(host, 3_000);
    await scene.becomesWhole();
  };
  const old = await scene.createSecret("old", contentsOf("old"));
  const next = await scene.createSecret("next", contentsOf("next"));
  let first = scene.leader;
  const id = await create(world, first, using(old, "old"));
  await crashOf(first);
  expect(found(hosts)).toEqual(Array.from({ length: 3 }, () => contentsOf("old")));

  first = scene.leader;
  await change(world, first, id, using(next, "next"));
  await crashOf(first);
  expect(found(hosts)).toEqual(Array.from({ length: 3 }, () => contentsOf("next")));
  await remove(scene, old);
  await expect(remove(scene, next)).rejects.toMatchObject({ code: "in_use" });

  // The host's memory goes with it; the tasks that come in place of its own find what they use.
  const lost = scene.one(({ files }) => files.tasks().length > 0);
  lost.crash("host");
  expect(lost.files.tasks()).toEqual([]);
  lost.engine.shutDown();
  lost.engine.boot();
  await world.pass(5_000);
  await world.during(lost.resume());
  await scene.becomesWhole();
  expect(found(hosts)).toEqual(Array.from({ length: 3 }, () => contentsOf("next")));

  first = scene.leader;
  await change(world, first, id, spec("web", { kind: "replicated", replicas: 3 }));
  await crashOf(first);
  expect(found(hosts)).toEqual([]);
  expect(hosts.flatMap(({ member }) => member?.agent.payloads() ?? [])).toEqual([]);
  await remove(scene, next);
});

it.each([1, 2, 3, 4, 5])("managers leave one after the other and take no secret with them, seed %i", async (seed) => {
  await using scene = await CheckedWorld.settled(seed, 2);
  const { world, leader: first } = scene;
  const contents = contentsOf("key");
  const id = await scene.createSecret("key", contents);
  const second = scene.one((host) => host !== first);
  const third = world.addHost();
  // Each takes over from the one before, that is gone a moment later.
  await world.during(leaving(first));
  await world.during(world.join(third));
  await world.until(() => world.leader === second && second.manager !== undefined, WHOLE_MS);
  await world.during(leaving(second));
  await world.until(() => world.leader === third, WHOLE_MS);
  await create(world, third, using(id, "key"));
  await world.until(() => found([third]).length === 3, WHOLE_MS);
  expect(found([third])).toEqual([contents, contents, contents]);
});

const leaving = async (host: Host): Promise<void> => {
  await host.life?.node.control.leave({ force: false }, new AbortController().signal);
};

it("the largest secret and config go through any manager, to every replica and to their tasks", async () => {
  // The checks know what secrets hold by their names.
  const world = await settledWorld(4, { hosts: 3 });
  const follower = world.hosts.find((host) => host !== world.leader && host.manager !== undefined);
  const cluster = follower?.member?.cluster();
  if (cluster === undefined) throw new Error("there are three managers");
  const { signal } = new AbortController();
  const now = world.clock.now();
  const bytes = (length: number): Uint8Array => new Uint8Array(length).map((_, at) => (at * 7) % 251);
  const [big, bigger] = [bytes(LIMITS.secretBytes - 1), bytes(LIMITS.configBytes - 1)];
  const [secret, config] = [secretId(world.newId()), configId(world.newId())];
  const sealed = await world.during(cluster.seal(big, secret));
  const about = (name: string) => ({ name, labels: {} });
  await world.during(cluster.submit({ kind: "createSecret", id: secret, spec: about("big"), sealed, now }, { signal }));
  const data = Buffer.from(bigger).toString("base64");
  await world.during(cluster.submit({ kind: "createConfig", id: config, spec: about("big"), data, now }, { signal }));
  const using = spec("web", { kind: "global" });
  const file = (name: string) => ({ name, uid: 0, gid: 0, mode: 0o444 });
  const container = {
    ...using.task.container,
    secrets: [{ secretId: secret, secretName: "big", file: file("secret") }],
    configs: [{ configId: config, configName: "big", file: file("/config") }],
  };
  const { leader } = world;
  if (leader === undefined) throw new Error("nobody leads");
  await create(world, leader, { ...using, task: { ...using.task, container } });
  const files = () => world.hosts.flatMap((host) => host.files.tasks().map((id) => host.files.of(id) ?? []));
  await world.until(() => files().length === 3, WHOLE_MS);
  for (const [first, second] of files()) {
    expect(Buffer.compare(first?.bytes ?? new Uint8Array(), big)).toBe(0);
    expect(Buffer.compare(second?.bytes ?? new Uint8Array(), bigger)).toBe(0);
  }
  expect(new Set(world.hosts.map(({ manager }) => manager?.view.config(config)?.data === data))).toEqual(
    new Set([true]),
  );
  await end(world);
});
