import { configId, LIMITS, secretId, type SecretId, type ServiceSpec } from "@murmur/model";
import { allChecks, unmet, World, type Host } from "@murmur/sim";
import { expect, it } from "vitest";
import { change, create, end, settle, spec } from "../../packages/sim/src/checks/testing/settled.ts";

const WHOLE_MS = 60_000;
/** What the simulator's checks expect a secret to hold. */
const contentsOf = (name: string): string => `what ${name} holds`;

function using(id: SecretId, name: string): ServiceSpec {
  const made = spec("web", { kind: "replicated", replicas: 3 });
  const secrets = [{ secretId: id, secretName: name, file: { name: "key", uid: 0, gid: 0, mode: 0o400 } }];
  return { ...made, task: { ...made.task, container: { ...made.task.container, secrets } } };
}

it.each([1, 2, 3])("secrets come, are rotated and go while leaders go, seed %i", async (seed) => {
  await World.warmUp();
  const world = new World({ seed });
  const checks = allChecks(world);
  world.observers.push(...checks.observers);
  await settle(world, 3);
  const leader = (): Host => {
    if (world.leader === undefined) throw new Error("nobody leads");
    return world.leader;
  };
  const becomesWhole = async (): Promise<void> => {
    const undone = (): string[] => unmet(world, { services: new Map(), hosts: world.running });
    await world.until(() => world.leader !== undefined && undone().length === 0, WHOLE_MS, 100);
    expect(undone()).toEqual([]);
  };
  /** The leader took something in, and is gone before all of it is carried out. */
  const crashOf = async (host: Host): Promise<void> => {
    host.crash();
    await world.pass(3_000);
    await world.during(host.resume());
    await becomesWhole();
  };
  const cluster = () => {
    const found = leader().member?.cluster();
    if (found === undefined) throw new Error("the leader is no manager");
    return found;
  };
  const makeSecret = async (name: string): Promise<SecretId> => {
    const id = secretId(world.newId());
    const sealed = await world.during(cluster().seal(new TextEncoder().encode(contentsOf(name)), id));
    const { signal } = new AbortController();
    const command = { kind: "createSecret", id, spec: { name, labels: {} }, sealed, now: world.clock.now() } as const;
    await world.during(cluster().submit(command, { signal }));
    return id;
  };
  const remove = async (id: SecretId): Promise<void> => {
    const { signal } = new AbortController();
    await world.during(cluster().submit({ kind: "removeSecret", id, now: world.clock.now() }, { signal }));
  };
  const found = (): string[] =>
    world.hosts.flatMap(({ files }) =>
      files.tasks().flatMap((id) => (files.of(id) ?? []).map(({ bytes }) => new TextDecoder().decode(bytes))),
    );

  const [old, next] = [await makeSecret("old"), await makeSecret("next")];
  let first = leader();
  const id = await create(world, first, using(old, "old"));
  await crashOf(first);
  expect(found()).toEqual(Array.from({ length: 3 }, () => contentsOf("old")));

  first = leader();
  await change(world, first, id, using(next, "next"));
  await crashOf(first);
  expect(found()).toEqual(Array.from({ length: 3 }, () => contentsOf("next")));
  await remove(old);
  await expect(remove(next)).rejects.toMatchObject({ code: "in_use" });

  // The host's memory goes with it; the tasks that come in place of its own find what they use.
  const lost = world.hosts.find(({ files }) => files.tasks().length > 0) ?? leader();
  lost.crash("host");
  expect(lost.files.tasks()).toEqual([]);
  lost.engine.shutDown();
  lost.engine.boot();
  await world.pass(5_000);
  await world.during(lost.resume());
  await becomesWhole();
  expect(found()).toEqual(Array.from({ length: 3 }, () => contentsOf("next")));

  first = leader();
  await change(world, first, id, spec("web", { kind: "replicated", replicas: 3 }));
  await crashOf(first);
  expect(found()).toEqual([]);
  expect(world.hosts.flatMap(({ member }) => member?.agent.payloads() ?? [])).toEqual([]);
  await remove(next);
  checks.final();
  await end(world);
});

it.each([1, 2, 3, 4, 5])("managers leave one after the other and take no secret with them, seed %i", async (seed) => {
  await World.warmUp();
  const world = new World({ seed });
  await settle(world, 2);
  const { signal } = new AbortController();
  const [id, contents] = [secretId(world.newId()), contentsOf("key")];
  const first = world.leader;
  const cluster = first?.member?.cluster();
  if (first === undefined || cluster === undefined) throw new Error("nobody leads");
  const sealed = await world.during(cluster.seal(new TextEncoder().encode(contents), id));
  const now = world.clock.now();
  const made = { kind: "createSecret", id, spec: { name: "key", labels: {} }, sealed, now } as const;
  await world.during(cluster.submit(made, { signal }));
  const [, second] = world.hosts;
  const third = world.addHost();
  // Each takes over from the one before, that is gone a moment later.
  await world.during(leaving(first));
  await world.during(world.join(third));
  await world.until(() => world.leader === second && second?.manager !== undefined, WHOLE_MS);
  if (second === undefined) throw new Error("there are two hosts");
  await world.during(leaving(second));
  await world.until(() => world.leader === third, WHOLE_MS);
  await create(world, third, using(id, "key"));
  const found = (): string[] =>
    third.files
      .tasks()
      .flatMap((task) => (third.files.of(task) ?? []).map(({ bytes }) => new TextDecoder().decode(bytes)));
  await world.until(() => found().length === 3, WHOLE_MS);
  expect(found()).toEqual([contents, contents, contents]);
  await end(world);
});

const leaving = async (host: Host): Promise<void> => {
  await host.life?.node.control.leave({ force: false }, new AbortController().signal);
};

it("the largest secret and config go through any manager, to every replica and to their tasks", async () => {
  await World.warmUp();
  const world = new World({ seed: 4 });
  await settle(world, 3);
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
