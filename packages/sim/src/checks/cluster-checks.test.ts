import { nodeId, SeededRandom } from "@murmur/base";
import { SimulatedFiles, SimulatedRuntime } from "@murmur/agent";
import { clusterId, networkId, secretId, type Task } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { EventQueue, WorldClock } from "../world/event-queue.ts";
import { ClusterChecks, type ClusterHost } from "./cluster-checks.ts";
import { FakeReplica, fakeNode, fakeService, fakeTask } from "./testing/fake-replica.ts";
import { spec } from "./testing/settled.ts";
import { Judge } from "./violation.ts";

interface FakeHost extends ClusterHost {
  readonly engine: SimulatedRuntime;
  readonly replica: FakeReplica;
  readonly files: SimulatedFiles;
  /** What its agent holds. */
  readonly held: string[];
}

interface Fakes {
  readonly queue: EventQueue;
  readonly checks: ClusterChecks;
  readonly one: FakeHost;
  readonly two: FakeHost;
}

/** Two hosts, nodes n1 and n2, with replicas that know both and an empty service. */
function fakes(): Fakes {
  const queue = new EventQueue();
  const checks = new ClusterChecks(new Judge(() => queue.now));
  const random = new SeededRandom(1);
  const host = (name: string, id: string): FakeHost => {
    const replica = new FakeReplica();
    const engine = new SimulatedRuntime({ clock: new WorldClock(queue), random });
    const held: string[] = [];
    const member = {
      identity: { nodeId: nodeId(id) },
      host: { manager: () => replica },
      agent: { payloads: () => held },
    };
    const fake = { name, engine, replica, member, files: new SimulatedFiles(), held };
    checks.stepped(fake);
    replica.node(fakeNode("n1"));
    replica.node(fakeNode("n2"));
    replica.service(fakeService("web"));
    checks.stepped(fake);
    return fake;
  };
  return { queue, checks, one: host("host1", "n1"), two: host("host2", "n2") };
}

/** A task is committed, and both replicas have applied it. */
function commit({ checks, one, two }: Fakes, task: Task): void {
  for (const host of [one, two]) {
    host.replica.task(task);
    checks.stepped(host);
  }
}

/** A network 10.9.0.0/24 with node number 1, a virtual address, and two tasks at these addresses. */
function giveAddresses({ checks, one }: Fakes, addresses: readonly [string, string]): void {
  const { replica } = one;
  const id = networkId("net");
  const addressing = { vni: 4_097, ipv4: { subnet: "10.9.0.0/24", gateway: "10.9.0.1" } };
  const network = { name: "front", labels: {}, attachable: false, internal: false };
  replica.network({ id, spec: network, addressing, createdAt: 0, version: 1 });
  replica.node(fakeNode("n3", { number: 1 }));
  replica.service(fakeService("api", { vips: [{ networkId: id, ipv4: "10.9.0.9" }] }));
  for (const [at, ipv4] of addresses.entries()) {
    const task = fakeTask(`t${String(at + 1)}`, { slot: at + 1 });
    replica.task({ ...task, networks: [{ networkId: id, aliases: [] }], addresses: [{ ipv4 }] });
  }
  checks.stepped(one);
}

const ABORT = { signal: new AbortController().signal };

async function run({ engine }: FakeHost, task: Task, more: Partial<Task> = {}): Promise<string> {
  const node = {
    nodeId: nodeId("n1"),
    clusterId: clusterId("c"),
    dataAddress: "10.0.0.1",
    dataPlane: "ports",
  } as const;
  const id = await engine.create({ task: { ...task, ...more }, node, image: "web" }, ABORT);
  await engine.start(id, ABORT);
  return id;
}

const VIOLATIONS: readonly (readonly [check: string, story: string, break_: (fakes: Fakes) => Promise<void> | void])[] =
  [
    [
      "a slot never has two tasks that are wanted running",
      "two of one version",
      (all) => ["t1", "t2"].forEach((id) => commit(all, fakeTask(id))),
    ],
    [
      "a slot never has two tasks that are wanted running",
      "an update that stops first",
      (all) => {
        commit(all, fakeTask("t1"));
        commit(all, fakeTask("t2", { specVersion: 2 }));
      },
    ],
    [
      "a node is never given more than it has",
      "eleven tasks of a tenth each",
      (all) => {
        for (let slot = 1; slot <= 11; slot += 1) commit(all, fakeTask(`t${String(slot)}`, { slot }));
      },
    ],
    [
      "a node that is paused or drained gets no new task",
      "drained",
      (all) => {
        all.one.replica.node(fakeNode("n1", { spec: { labels: {}, availability: "drain" } }));
        all.one.replica.task(fakeTask("t1", { state: "assigned" }));
        all.checks.stepped(all.one);
      },
    ],
    [
      "a node that isn't ready gets no new task",
      "down",
      (all) => {
        const status = { ...fakeNode("n1").status, state: "down" } as const;
        all.one.replica.node(fakeNode("n1", { status }));
        all.one.replica.task(fakeTask("t1", { state: "assigned" }));
        all.checks.stepped(all.one);
      },
    ],
    [
      "a name has one service",
      "two with a name",
      ({ checks, one }) => {
        one.replica.service(fakeService("other", { spec: spec("web", { kind: "global" }) }));
        checks.stepped(one);
      },
    ],
    [
      "a node's number is its own",
      "two with a number",
      (all) => {
        for (const id of ["n3", "n4"]) all.one.replica.node(fakeNode(id, { number: 3 }));
        all.checks.stepped(all.one);
      },
    ],
    [
      "a node's number stays",
      "another number",
      (all) => {
        for (const number of [3, 4]) all.one.replica.node(fakeNode("n3", { number }));
        all.checks.stepped(all.one);
      },
    ],
    ...(
      [
        ["two tasks", "10.9.0.5", "10.9.0.5"],
        ["the gateway of all nodes", "10.9.0.5", "10.9.0.1"],
        ["a node's own gateway", "10.9.0.5", "10.9.0.254"],
        ["a service's virtual address", "10.9.0.5", "10.9.0.9"],
      ] as const
    ).map(([story, ...addresses]) => {
      const break_ = (all: Fakes): void => giveAddresses(all, addresses);
      return ["an address is given once", story, break_] as const;
    }),
    [
      "an address lies in a subnet of its network",
      "the next subnet's",
      (all) => giveAddresses(all, ["10.9.1.5", "10.9.0.6"]),
    ],
    [
      "a published port has one service",
      "two with a port",
      ({ checks, one }) => {
        const ports = [{ protocol: "tcp", targetPort: 80, publishedPort: 8080, mode: "ingress" } as const];
        one.replica.service(fakeService("web", { ports }));
        one.replica.service(fakeService("api", { ports }));
        checks.stepped(one);
      },
    ],
    [
      "a node's key is its own",
      "two with a key",
      ({ checks, one }) => {
        one.replica.node(fakeNode("n3", { keyDigest: "n1" }));
        checks.stepped(one);
      },
    ],
    [
      "an observed state never goes back",
      "from running to starting",
      (all) => {
        commit(all, fakeTask("t1"));
        commit(all, fakeTask("t1", { state: "starting" }));
      },
    ],
    [
      "a desired state never goes back",
      "wanted again",
      (all) => {
        commit(all, fakeTask("t1", { desiredState: "shutdown" }));
        commit(all, fakeTask("t1"));
      },
    ],
    [
      "a task's assignment never changes",
      "another node",
      (all) => {
        commit(all, fakeTask("t1"));
        commit(all, fakeTask("t1", { nodeId: nodeId("n2") }));
      },
    ],
    [
      "replicas make the same changes at the same version",
      "another state",
      ({ checks, one, two }) => {
        one.replica.task(fakeTask("t1"));
        checks.stepped(one);
        two.replica.task(fakeTask("t1", { state: "failed" }));
        checks.stepped(two);
      },
    ],
    [
      "replicas at the same version show the same state",
      "another digest",
      (all) => {
        all.two.replica.digestText = "other";
        commit(all, fakeTask("t1"));
        all.checks.final();
      },
    ],
    [
      "replicas at the same version show the same state",
      "at the fiftieth version",
      ({ checks, one, two }) => {
        two.replica.digestText = "other";
        for (const { replica } of [one, two]) {
          replica.jump(49);
          replica.task(fakeTask("t1"));
        }
        checks.stepped(one);
        checks.stepped(two);
      },
    ],
    [
      "a replica never goes back",
      "to an older version",
      ({ checks, one }) => {
        one.replica.jump(1);
        checks.stepped(one);
      },
    ],
    [
      "a task has one running container",
      "two engines have one",
      async (all) => {
        for (const host of [all.one, all.two]) await run(host, fakeTask("t1"));
        all.checks.stepped(all.one);
        all.checks.stepped(all.two);
      },
    ],
    [
      "a task is run in one container",
      "a second one on the same engine",
      async ({ checks, one }) => {
        const first = await run(one, fakeTask("t1"));
        checks.stepped(one);
        one.engine.destroy(first);
        await run(one, fakeTask("t1"));
        checks.stepped(one);
      },
    ],
    [
      "a container is started once",
      "it is started again",
      async ({ checks, one }) => {
        const id = await run(one, fakeTask("t1"));
        for (const container of one.engine.containers()) container.exit(0);
        await one.engine.start(id, ABORT);
        checks.stepped(one);
      },
    ],
    [
      "an agent stops only what is not wanted any more",
      "it ends because it was stopped",
      async (all) => {
        commit(all, fakeTask("t1"));
        all.checks.signalled(all.one, await run(all.one, fakeTask("t1")));
        commit(all, fakeTask("t1", { state: "shutdown" }));
      },
    ],
    [
      "an agent stops only what is not wanted any more",
      "nobody ever wanted that",
      async (all) => {
        commit(all, fakeTask("t1"));
        all.checks.signalled(all.one, await run(all.one, fakeTask("t1")));
        all.queue.take(20_000);
        all.checks.stepped(all.one);
      },
    ],
  ];

describe("each broken promise of the cluster is found", () => {
  it.each(VIOLATIONS)("%s: %s", async (check, _story, break_) => {
    const all = fakes();
    // Sometimes the promise breaks in the middle, sometimes at the end of the story.
    const told = async (): Promise<void> => break_(all);
    await expect(told()).rejects.toThrow(check);
  });
});

it("finds nothing where an update starts first, a replacement is held back, or what was wanted is known a little later", async () => {
  const all = fakes();
  const update = spec("web", { kind: "replicated", replicas: 1 }, { order: "start-first" });
  all.one.replica.service(fakeService("web", { spec: update }));
  all.two.replica.service(fakeService("web", { spec: update }));
  commit(all, fakeTask("t1"));
  commit(all, fakeTask("t2", { specVersion: 2 }));
  commit(all, fakeTask("t3", { slot: 2 }));
  commit(all, fakeTask("t4", { slot: 2, specVersion: 2, desiredState: "ready" }));
  all.checks.signalled(all.one, await run(all.one, fakeTask("t1")));
  commit(all, fakeTask("t1", { desiredState: "shutdown" }));
  commit(all, fakeTask("t1", { desiredState: "shutdown", state: "shutdown" }));
  all.queue.take(60_000);
  all.checks.stepped(all.one);
  all.checks.final();
});

describe("a slot on a node that is left slowly", () => {
  const spec = { labels: {}, availability: "drain", drain: { deadlineMs: 60_000 } } as const;
  const NEW = { state: "pending", nodeId: nodeId("n2") } as const;
  const leave = (all: Fakes): void => {
    commit(all, fakeTask("t1"));
    for (const host of [all.one, all.two])
      host.replica.node(fakeNode("n1", { spec, drainUntil: Number.MAX_SAFE_INTEGER }));
  };

  it("may have a second task, also one that is seen long after it was made", () => {
    const all = fakes();
    leave(all);
    all.one.replica.task(fakeTask("t2", NEW));
    all.one.replica.task(fakeTask("t1", { desiredState: "shutdown" }));
    all.checks.stepped(all.one);
    all.checks.final();
  });

  it("may have one that was made before its wish to move was over, when both are seen together", () => {
    const all = fakes();
    const move = { since: 0, until: 2 };
    commit(all, fakeTask("t1", { move: { ...move, until: Number.MAX_SAFE_INTEGER } }));
    all.one.replica.task(fakeTask("t2", { ...NEW, createdAt: 5 }));
    all.one.replica.task(fakeTask("t1", { move }));
    all.checks.stepped(all.one);
    const before = fakes();
    before.one.replica.task(fakeTask("t1", { move }));
    before.one.replica.task(fakeTask("t2", { ...NEW, createdAt: 5 }));
    expect(() => before.checks.stepped(before.one)).toThrow("a slot never has two");
  });

  it("has no third, and no second one that was made before", () => {
    const third = fakes();
    leave(third);
    commit(third, fakeTask("t2", NEW));
    expect(() => commit(third, fakeTask("t3", NEW))).toThrow("a slot never has two tasks that are wanted running");
    const before = fakes();
    expect(() => ["t1", "t2"].forEach((id) => commit(before, fakeTask(id)))).toThrow("a slot never has two");
  });
});

describe("secrets", () => {
  const file = { name: "key", uid: 0, gid: 0, mode: 0o444 };
  const secrets = [{ secretId: secretId("s1"), secretName: "key", file }];
  const plain = fakeTask("t1");
  const task = { ...plain, spec: { ...plain.spec, container: { ...plain.spec.container, secrets } } };

  it("are held where a task has used them, and nowhere else", () => {
    const world = fakes();
    commit(world, task);
    world.one.held.push("secret/s1");
    world.checks.stepped(world.one);
    world.two.held.push("secret/s1");
    expect(() => world.checks.stepped(world.two)).toThrow("a node holds what its tasks use");
  });

  it("are found whole by their task", async () => {
    const world = fakes();
    commit(world, task);
    const contents = (text: string) => [{ target: "/run/secrets/key", bytes: new TextEncoder().encode(text), ...file }];
    await world.one.files.write(task.id, contents("what key holds"));
    world.checks.stepped(world.one);
    await world.one.files.write(task.id, contents("what other holds"));
    expect(() => world.checks.stepped(world.one)).toThrow("a task finds what it uses");
  });
});
