import { assert, nodeId, type NodeId } from "@murmur/base";
import { taskId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { createApi } from "../app.ts";
import { encodeFrame, readFrames } from "../logs/frames.ts";
import { Asker } from "../testing/asker.ts";
import { fakeEngine, FakePorts, pieces, type FakeEngine } from "../testing/fake-ports.ts";
import { NODE_ONE, NODE_TWO } from "../testing/memory-cluster.ts";

const T1 = "t1aaaaaaaaaaaaaaaaaaaaaaa";
const T2 = "t2bbbbbbbbbbbbbbbbbbbbbbb";
const time = (second: number): string => `2026-11-21T03:00:0${String(second)}.000000000Z`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const said = (second: number, text: string, stream = 1): Uint8Array =>
  encodeFrame(stream, bytes(`${time(second)} ${text}\n`));

/** A body that goes on until it is ended. */
class Live {
  readonly #waiting: (() => void)[] = [];
  readonly #parts: (Uint8Array | undefined)[] = [];
  say(part: Uint8Array | undefined): void {
    this.#parts.push(part);
    this.#waiting.splice(0).forEach((wake) => wake());
  }
  async *body(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    signal.addEventListener("abort", () => this.say(undefined));
    for (;;) {
      while (this.#parts.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      const part = this.#parts.shift();
      if (part === undefined) return;
      yield part;
    }
  }
}

/** Two nodes, each with an engine; the first has the cluster and is the one that is asked. */
class World extends Asker {
  readonly engines: ReadonlyMap<NodeId, FakeEngine>;
  readonly away = new Set<NodeId>();
  readonly asked: string[] = [];

  constructor() {
    super();
    const second = FakePorts.onManualClock(fakeEngine());
    assert(second.standing.state === "active", "it is in the cluster");
    second.standing = { ...second.standing, nodeId: NODE_TWO };
    this.engines = new Map([
      [NODE_ONE, this.engine],
      [NODE_TWO, second.engine as FakeEngine],
    ]);
    const there = createApi(second);
    this.ports.askNode = async (node, request) => {
      if (this.away.has(node)) throw new Error("it is down");
      return node === NODE_ONE ? this.api.fetchAsked(request) : there.fetchAsked(request);
    };
  }

  /** A task of the service that runs, whose container's log is this. */
  task(
    service: string,
    { id, slot, node }: { id: string; slot: number; node: NodeId },
    log: Uint8Array[] | Live,
  ): void {
    const found = this.ports.replica?.store.view.serviceByName(service);
    assert(found !== undefined, "the service is there");
    this.ports.replica?.runTask(found, id, slot, node);
    const engine = this.engines.get(node);
    assert(engine !== undefined, "the node is there");
    const labels = { "murmur.node.id": node, "murmur.task.id": id };
    const list = (engine.answers.get("/containers/json") as object[] | undefined) ?? [];
    engine.answers.set("/containers/json", [...list, { Id: `c-${id}`, Labels: labels }]);
    engine.answers.set(`/containers/c-${id}/json`, { Id: `c-${id}`, Config: { Tty: false } });
    this.log(id, node, log);
  }

  /** What the engine has of a task's log from now on. */
  log(id: string, node: NodeId, log: Uint8Array[] | Live): void {
    this.engines.get(node)?.streams.set(`/containers/c-${id}/logs`, (path, signal) => {
      this.asked.push(path);
      return { status: 200, body: log instanceof Live ? log.body(signal) : pieces(...log) };
    });
  }

  end(id: string, node: NodeId): void {
    const status = { state: "complete", at: 1, message: "finished", containerId: "f".repeat(64), exitCode: 0 } as const;
    this.ports.replica?.apply({ kind: "reportTasks", nodeId: node, statuses: [{ id: taskId(id), status }] });
  }

  async logs(path: string): Promise<readonly (readonly [number, string])[]> {
    const reader = await this.open(path);
    for (;;) if (await reader.next()) return reader.lines;
  }

  /** A log that is read as it comes. `next` reads on, and says whether it has ended. */
  async open(path: string) {
    const abort = new AbortController();
    const request = new Request(`http://x${path}`, { signal: abort.signal });
    const response = await this.api.fetch(request);
    assert(response.status === 200 && response.body !== null, `it answers: ${String(response.status)}`);
    const lines: (readonly [number, string])[] = [];
    const frames = readFrames(response.body);
    const next = async (): Promise<boolean> => {
      const { done, value } = await frames.next();
      for (const { stream, payload } of value ?? []) lines.push([stream, new TextDecoder().decode(payload)]);
      return done === true;
    };
    return { response, lines, next, abort: () => abort.abort() };
  }

  /** Lets time pass until something holds. */
  async until(holds: () => boolean): Promise<void> {
    for (let turn = 0; turn < 2_000; turn += 1) {
      if (holds()) return;
      await new Promise((resolve) => setImmediate(resolve));
      if (turn % 5 === 4) await this.ports.clock.advance(50);
    }
    throw new Error("it never came to that");
  }
}

async function world(): Promise<World> {
  const made = new World();
  await made.create("web");
  return made;
}

const BOTH = "stdout=1&stderr=1";

describe("the logs of a service", () => {
  it("are its tasks', of all nodes, in the order of time", async () => {
    const w = await world();
    w.task("web", { id: T1, slot: 1, node: NODE_ONE }, [said(1, "a"), said(4, "d", 2)]);
    w.task("web", { id: T2, slot: 2, node: NODE_TWO }, [said(2, "b"), said(3, "c")]);
    expect(await w.logs(`/services/web/logs?${BOTH}`)).toEqual([
      [1, "a\n"],
      [1, "b\n"],
      [1, "c\n"],
      [2, "d\n"],
    ]);
    expect(await w.logs(`/tasks/${T2}/logs?${BOTH}&timestamps=1`)).toEqual([
      [1, `${time(2)} b\n`],
      [1, `${time(3)} c\n`],
    ]);
    expect(w.asked).toContain("/containers/c-t2bbbbbbbbbbbbbbbbbbbbbbb/logs?stdout=1&stderr=1&tail=all&timestamps=1");
  });

  it("have a word before each line, where it comes from and what the log driver knows, for those who ask", async () => {
    const w = await world();
    const from = "com.docker.swarm.node.id=forged,env=a%2Cb";
    w.task("web", { id: T1, slot: 1, node: NODE_ONE }, [encodeFrame(1, bytes(`${time(1)} ${from} hello you\n`))]);
    const id = (await w.inspect("web")).ID;
    const context = `com.docker.swarm.node.id=${NODE_ONE},com.docker.swarm.service.id=${id},com.docker.swarm.task.id=${T1}`;
    const [line] = await w.logs(`/services/web/logs?${BOTH}&details=true`);
    expect(line).toEqual([1, `${context},env=a%2Cb hello you\n`]);
  });

  it("tell their type by the version of the API", async () => {
    const w = await world();
    const typeOf = async (path: string) => (await w.open(path)).response.headers.get("content-type");
    expect(await typeOf(`/v1.42/services/web/logs?${BOTH}`)).toBe("application/vnd.docker.multiplexed-stream");
    expect(await typeOf(`/v1.41/services/web/logs?${BOTH}`)).toBe("application/vnd.docker.raw-stream");
  });

  it("name the node that doesn't answer, after all the rest, in Docker's words", async () => {
    const w = await world();
    w.task("web", { id: T1, slot: 1, node: NODE_ONE }, [said(1, "a")]);
    w.task("web", { id: T2, slot: 2, node: NODE_TWO }, []);
    w.away.add(NODE_TWO);
    const [line, last, ...more] = await w.logs(`/services/web/logs?${BOTH}`);
    expect([line, more]).toEqual([[1, "a\n"], []]);
    expect(last).toEqual([
      3,
      expect.stringMatching(/incomplete log stream.*node beta \(n2b+\) is not available: it is down/),
    ]);
  });

  it("give a node that says nothing up after some seconds", async () => {
    const w = await world();
    w.task("web", { id: T1, slot: 1, node: NODE_ONE }, [said(1, "a")]);
    w.task("web", { id: T2, slot: 2, node: NODE_TWO }, []);
    const ask = w.ports.askNode;
    w.ports.askNode = (node, request) => (node === NODE_TWO ? new Promise(() => {}) : ask(node, request));
    let lines: readonly (readonly [number, string])[] | undefined;
    void w.logs(`/services/web/logs?${BOTH}`).then((found) => (lines = found));
    await w.until(() => lines !== undefined);
    expect(lines?.map(([stream]) => stream)).toEqual([1, 3]);
    expect(w.ports.clock.monotonic()).toBeLessThan(7_000);
  });

  it("of a driver that can't be read say so", async () => {
    const w = await world();
    w.task("web", { id: T1, slot: 1, node: NODE_ONE }, []);
    const message = "configured logging driver does not support reading";
    w.engine.streams.set(`/containers/c-${T1}/logs`, () => ({
      status: 500,
      body: pieces(JSON.stringify({ message })),
    }));
    expect(await w.logs(`/services/web/logs?${BOTH}`)).toEqual([[3, expect.stringContaining(message)]]);
  });

  it.each([
    ["", 400, "you must choose at least one stream"],
    [`${BOTH}&tail=many`, 400, "tail value must be a positive integer"],
    [`${BOTH}&tail=-1`, 400, "negative tail values not supported"],
    [`${BOTH}&since=yesterday`, 400, "could not parse since timestamp"],
  ])("are refused for %j", async (query, status, message) => {
    const w = await world();
    const answer = await w.ask(`/services/web/logs?${query}`);
    expect([answer.status, answer.body.message]).toEqual([status, expect.stringContaining(message)]);
  });

  it("are not there for what isn't", async () => {
    const w = await world();
    expect((await w.ask(`/services/nothing/logs?${BOTH}`)).status).toBe(404);
    expect((await w.ask(`/tasks/nothing/logs?${BOTH}`)).status).toBe(404);
  });

  it("of a node are its own tasks' only", async () => {
    const w = await world();
    w.task("web", { id: T1, slot: 1, node: NODE_ONE }, [said(1, "a")]);
    const foreign = { "murmur.node.id": nodeId("n9zzzzzzzzzzzzzzzzzzzzzzz"), "murmur.task.id": T2 };
    w.engine.answers.set("/containers/json", [
      { Id: "c9", Labels: foreign },
      { Id: "c8", Labels: {} },
    ]);
    const answer = await w.api.fetchAsked(new Request(`http://murmur/logs?stdout=1&task=${T2}&task=c8`));
    const kinds: number[] = [];
    for await (const frames of readFrames(answer.body as unknown as AsyncIterable<Uint8Array>))
      kinds.push(...frames.map(({ stream }) => stream));
    expect(kinds).toEqual([0, 0]);
  });
});

describe("a log that is followed", () => {
  it("goes on, also with tasks that start later, and ends with the reader", async () => {
    const w = await world();
    const [one, two] = [new Live(), new Live()];
    w.task("web", { id: T1, slot: 1, node: NODE_ONE }, one);
    const reader = await w.open(`/services/web/logs?${BOTH}&follow=1&tail=5`);
    const reading = (async () => {
      while (!(await reader.next()));
    })();
    one.say(said(1, "a"));
    await w.until(() => reader.lines.length === 1);
    w.task("web", { id: T2, slot: 2, node: NODE_TWO }, two);
    two.say(said(2, "b"));
    await w.until(() => reader.lines.length === 2);
    expect(w.asked.map((path) => /tail=\w+/.exec(path)?.[0])).toEqual(["tail=5", "tail=all"]);
    reader.abort();
    await reading.catch(() => {});
    // One is the API's own.
    await w.until(() => w.ports.replica?.watchers === 1);
  });

  it("names a node that goes away, and takes it up where it was", async () => {
    const w = await world();
    const [before, after] = [new Live(), new Live()];
    w.task("web", { id: T2, slot: 2, node: NODE_TWO }, before);
    const reader = await w.open(`/services/web/logs?${BOTH}&follow=1`);
    void (async () => {
      while (!(await reader.next()));
    })();
    before.say(said(1, "a"));
    await w.until(() => reader.lines.length === 1);
    w.away.add(NODE_TWO);
    // The engine's answer ends: as far as anybody can tell the container has; asked again, the node is away.
    before.say(undefined);
    await w.until(() => reader.lines.length === 2);
    expect(reader.lines[1]).toEqual([2, expect.stringContaining("murmur: node beta (")]);
    w.away.clear();
    w.log(T2, NODE_TWO, after);
    after.say(said(1, "a"));
    after.say(said(2, "b"));
    await w.until(() => reader.lines.length === 3);
    expect(reader.lines[2]).toEqual([1, "b\n"]);
    expect(w.asked.at(-1)).toContain(`tail=all&since=${String(Date.parse(time(1)) / 1_000)}.000000000`);
  });

  it("goes on when the manager is lost that told of its tasks, and hears of new ones from the next", async () => {
    const w = await world();
    const [one, two] = [new Live(), new Live()];
    w.task("web", { id: T1, slot: 1, node: NODE_ONE }, one);
    const reader = await w.open(`/services/web/logs?${BOTH}&follow=1`);
    void (async () => {
      while (!(await reader.next()));
    })();
    one.say(said(1, "a"));
    await w.until(() => reader.lines.length === 1);
    const { replica } = w.ports;
    w.ports.replica = undefined;
    // The stream of events ends with its manager; asking fails for a while.
    await w.until(() => replica?.watchers === 1);
    one.say(said(2, "b"));
    await w.until(() => reader.lines.length === 2);
    w.ports.replica = replica;
    w.task("web", { id: T2, slot: 2, node: NODE_TWO }, two);
    two.say(said(3, "c"));
    await w.until(() => reader.lines.length === 3);
    expect(reader.lines.map(([, text]) => text)).toEqual(["a\n", "b\n", "c\n"]);
  });

  it("ends with its task, once all is read", async () => {
    const w = await world();
    const log = new Live();
    w.task("web", { id: T1, slot: 1, node: NODE_ONE }, log);
    const reader = await w.open(`/tasks/${T1}/logs?${BOTH}&follow=1`);
    let ended = false;
    void (async () => {
      while (!(await reader.next()));
      ended = true;
    })();
    log.say(said(1, "a"));
    await w.until(() => reader.lines.length === 1);
    w.end(T1, NODE_ONE);
    log.say(said(2, "b"));
    await w.until(() => reader.lines.length === 2);
    expect(ended).toBe(false);
    log.say(undefined);
    await w.until(() => ended);
  });
});
