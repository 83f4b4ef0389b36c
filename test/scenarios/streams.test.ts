import type { StatsAnswer } from "@murmur/api";
import type { Task } from "@murmur/model";
import type { Host } from "@murmur/sim";
import { expect, it } from "vitest";
import { CheckedWorld, nodeOf } from "../../packages/sim/src/checks/testing/checked-world.ts";
import { create, spec } from "../../packages/sim/src/checks/testing/settled.ts";

/*
 * What goes on for as long as somebody looks: logs, events, figures, commands. The process that leads goes in the middle of
 * it and comes back; its containers run on.
 */
const GONE_MS = 30_000;

/** Three hosts with a task each; one that doesn't lead is asked. */
class Scene extends CheckedWorld {
  readonly asked = this.follower();

  static async of(seed: number): Promise<Scene> {
    const scene = await Scene.settled(seed, 3);
    await create(scene.world, scene.leader, spec("web", { kind: "replicated", replicas: 3 }));
    await scene.becomesWhole();
    for (const host of scene.hosts) scene.taskOn(host);
    return scene;
  }

  taskOn(host: Host): Task {
    return this.tasks().find(({ nodeId }) => nodeId === nodeOf(host)) ?? expect.fail(`${host.name} has no task`);
  }
  /** Neither the leader nor the one that is asked. */
  get third(): Host {
    return this.one((host) => host !== this.leader && host !== this.asked);
  }

  ask(path: string, init: RequestInit = {}): Promise<Response> {
    const api = this.asked.life?.node.api ?? expect.fail(`${this.asked.name} doesn't run`);
    return this.world.during(api.fetch(new Request(`http://murmur${path}`, init)));
  }
  async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await this.world.during((await this.ask(path, init)).json())) as T;
  }
}

/** Reads an answer as it comes. */
class Reading {
  readonly #over = new AbortController();
  readonly #pieces: Buffer[] = [];
  isOver = false;

  get signal(): AbortSignal {
    return this.#over.signal;
  }
  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
  /** The payloads of Docker's frames, one after the other. */
  get text(): string {
    const { bytes } = this;
    let text = "";
    for (let at = 0; at + 8 <= bytes.length; at += 8 + bytes.readUInt32BE(at + 4))
      text += bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at + 4)).toString();
    return text;
  }

  from(response: Response): void {
    const read = async (): Promise<void> => {
      for await (const piece of response.body ?? []) this.#pieces.push(Buffer.from(piece));
    };
    const over = (): void => void (this.isOver = true);
    read().then(over, over);
  }
  close(): void {
    this.#over.abort();
  }
}

it.each([1, 2, 3])("a log that is followed has each line once, whoever leads: seed %i", async (seed) => {
  await using scene = await Scene.of(seed);
  const { world } = scene;
  const log = new Reading();
  log.from(await scene.ask(`/services/web/logs?follow=1&stdout=1&details=1`, { signal: log.signal }));
  await world.pass(5_000);
  const tasks = scene.tasks().map(({ id }) => id);
  const said = (task: string): readonly number[] =>
    log.text
      .split("\n")
      .filter((line) => line.includes(task))
      .map((line) => Number(/line (\d+)$/.exec(line)?.[1]));
  const before = tasks.map((task) => said(task).length);
  expect(Math.min(...before)).toBeGreaterThan(0);
  const lost = await scene.loseLeader();
  await world.during(lost.resume());
  await scene.becomesWhole();
  await world.pass(15_000);
  for (const [at, task] of tasks.entries()) {
    const numbers = said(task);
    expect(numbers.length).toBeGreaterThan((before[at] ?? 0) + 40);
    expect(numbers).toEqual(numbers.map((_, number) => number));
  }
  log.close();
  await world.pass(1_000);
  expect(log.isOver).toBe(true);
});

it.each([1, 2, 3])("events are told once each, whoever leads: seed %i", async (seed) => {
  await using scene = await Scene.of(seed);
  const { world } = scene;
  const events = new Reading();
  const filters = encodeURIComponent(JSON.stringify({ scope: ["swarm"], type: ["service"], event: ["create"] }));
  events.from(await scene.ask(`/events?filters=${filters}`, { signal: events.signal }));
  const none = { kind: "replicated", replicas: 0 } as const;
  await create(world, scene.leader, spec("before", none));
  await world.pass(500);
  const lost = await scene.loseLeader();
  // At once: the one that is asked may still be looking for another manager.
  await create(world, scene.leader, spec("meanwhile", none));
  await world.during(lost.resume());
  await scene.becomesWhole();
  await create(world, scene.leader, spec("after", none));
  await world.pass(5_000);
  const told = events.bytes
    .toString()
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly Actor: { readonly Attributes: unknown } }).Actor.Attributes);
  expect(told).toEqual(["before", "meanwhile", "after"].map((name) => expect.objectContaining({ name })));
  events.close();
});

it.each([1, 2, 3])("figures name the node that is lost, and have all tasks once it is back: seed %i", async (seed) => {
  await using scene = await Scene.of(seed);
  const { world } = scene;
  const look = (): Promise<StatsAnswer> => scene.json("/murmur/stats?service=web");
  const cpu = ({ nodes }: StatsAnswer): ReadonlyMap<string, number> =>
    new Map(nodes.flatMap(({ samples }) => samples.map(({ task, cpuNanos }) => [task, cpuNanos] as const)));
  await look();
  await world.pass(2_000);
  const first = cpu(await look());
  expect([...first.keys()].toSorted()).toEqual(
    scene
      .tasks()
      .map(({ id }) => id)
      .toSorted(),
  );
  const lost = await scene.loseLeader();
  const meanwhile = await look();
  const silent = meanwhile.nodes.filter(({ problem }) => problem !== undefined).map(({ hostname }) => hostname);
  expect(silent).toEqual([lost.name]);
  expect(cpu(meanwhile).size).toBe(2);
  await world.during(lost.resume());
  await scene.becomesWhole();
  // A sample may be of a second ago.
  await world.pass(1_000);
  const last = cpu(await look());
  for (const [task, used] of first) expect(last.get(task)).toBeGreaterThan(used);
});

it.each([1, 2, 3])("a command runs on while nobody leads, and ends when its node is lost: seed %i", async (seed) => {
  await using scene = await Scene.of(seed);
  const { world } = scene;
  const start = async (host: Host) => {
    const path = `/murmur/tasks/${scene.taskOn(host).id}/exec`;
    const { Id } = await scene.json<{ readonly Id: string }>(path, { method: "POST", body: "{}" });
    const input = new TransformStream<Uint8Array, Uint8Array>();
    const writer = input.writable.getWriter();
    const output = new Reading();
    const { signal } = output;
    const init = { method: "POST", body: input.readable, duplex: "half" as const, signal };
    output.from(await scene.ask(`${path}/${Id}/start`, init));
    const write = (text: string): void => void writer.write(Buffer.from(text)).catch(() => {});
    return { output, write, close: () => world.during(writer.close()), path: `${path}/${Id}` };
  };
  const elsewhere = await start(scene.third);
  const there = await start(scene.leader);
  for (const command of [elsewhere, there]) command.write("one ");
  await world.pass(500);
  expect([elsewhere.output.text, there.output.text]).toEqual(["one ", "one "]);

  scene.leader.crash();
  await world.pass(20);
  elsewhere.write("two ");
  await world.until(() => elsewhere.output.text === "one two ", 200, 5);
  expect([elsewhere.output.text, world.leader]).toEqual(["one two ", undefined]);
  await world.until(() => there.output.isOver, GONE_MS);
  expect([there.output.isOver, elsewhere.output.isOver]).toEqual([true, false]);

  await world.until(() => world.leader !== undefined, GONE_MS);
  elsewhere.write("three");
  await world.pass(50);
  await elsewhere.close();
  await world.until(() => elsewhere.output.isOver, GONE_MS);
  expect(elsewhere.output.text).toBe("one two three");
  expect(await scene.json(elsewhere.path)).toEqual({ Running: false, ExitCode: 0 });
  for (const host of world.hosts) if (host.life === undefined) await world.during(host.resume());
  await scene.becomesWhole();
});
