import { nodeId, SeededRandom, type NodeId } from "@murmur/base";
import { SimulatedRuntime } from "@murmur/agent";
import { clusterId, serviceId, taskId, type EndpointTable } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { EventQueue, WorldClock } from "../world/event-queue.ts";
import { SimulatedPlane } from "../world/plane.ts";
import { EndpointChecks, type PlaneHost } from "./endpoint-checks.ts";
import { fakeTask } from "./testing/fake-replica.ts";
import { Judge } from "./violation.ts";

const [N1, N2] = [nodeId("n1"), nodeId("n2")];
const T = taskId("t1");

interface FakeHost extends PlaneHost {
  readonly plane: SimulatedPlane;
  readonly engine: SimulatedRuntime;
}

interface Fakes {
  readonly queue: EventQueue;
  readonly checks: EndpointChecks;
  readonly one: FakeHost;
  readonly two: FakeHost;
  /** The container of the task, on the first host. */
  readonly container: string;
}

const ABORT = { signal: new AbortController().signal };

function table(version: number, offered: boolean): EndpointTable {
  const endpoint = { taskId: T, slot: 1, nodeId: N1, address: "10.0.0.1", ports: [] };
  const service = { serviceId: serviceId("web"), name: "web", networks: [], published: [] };
  return { version, networks: [], services: [{ ...service, endpoints: offered ? [endpoint] : [] }] };
}

/** Two nodes that know each other; a task runs on the first, and both offer it. */
async function fakes(): Promise<Fakes> {
  const queue = new EventQueue();
  const checks = new EndpointChecks(new Judge(() => queue.now));
  const host = (name: string, id: NodeId, other: NodeId): FakeHost => ({
    name,
    engine: new SimulatedRuntime({ clock: new WorldClock(queue), random: new SeededRandom(1) }),
    plane: new SimulatedPlane(),
    clockError: { rate: 1 },
    member: { identity: { nodeId: id }, gossip: { members: () => [{ id: other, state: "alive" }] } },
  });
  const [one, two] = [host("host1", N1, N2), host("host2", N2, N1)];
  const node = { nodeId: N1, clusterId: clusterId("c"), dataAddress: "10.0.0.1", dataPlane: "ports" } as const;
  const container = await one.engine.create({ task: fakeTask(T), node, image: "web" }, ABORT);
  await one.engine.start(container, ABORT);
  for (const each of [one, two]) {
    each.plane.update(table(5, true));
    checks.stepped(each);
  }
  return { queue, checks, one, two, container };
}

const withdraw = { method: "withdraw", body: T };
const avoiding = { withdrawn: new Set([T]), deadNodes: new Set<NodeId>() };
const nothing = { withdrawn: new Set<typeof T>(), deadNodes: new Set<NodeId>() };

/** A node takes in that the task is withdrawn, and says so. */
function acknowledge({ checks, one, two }: Fakes): void {
  two.plane.avoid(avoiding);
  checks.stepped(two);
  checks.answered(two, N1, withdraw);
  checks.called(one, N2, { ...withdraw, ok: true });
}

const VIOLATIONS: readonly (readonly [check: string, story: string, break_: (all: Fakes) => void])[] = [
  [
    "endpoints never go back",
    "an older table",
    ({ checks, two }) => {
      two.plane.update(table(4, true));
      checks.stepped(two);
    },
  ],
  [
    "a node that acknowledges a withdrawal doesn't offer the task any more",
    "it does",
    ({ checks, two }) => checks.answered(two, N1, withdraw),
  ],
  [
    "a task that was withdrawn is not offered again",
    "the withdrawal is forgotten while the table still has the task",
    (all) => {
      all.checks.calls(all.one, N2, withdraw);
      acknowledge(all);
      all.two.plane.avoid(nothing);
      all.checks.stepped(all.two);
    },
  ],
  [
    "a task that was withdrawn is not offered again",
    "a later table brings it back",
    (all) => {
      all.checks.calls(all.one, N2, withdraw);
      acknowledge(all);
      all.two.plane.update(table(6, false));
      all.two.plane.avoid(nothing);
      all.checks.stepped(all.two);
      all.two.plane.update(table(7, true));
      all.checks.stepped(all.two);
    },
  ],
  [
    "a task is told to stop once all live nodes have acknowledged its withdrawal",
    "nobody waits for the other one",
    ({ queue, checks, one, container }) => {
      checks.calls(one, N2, withdraw);
      queue.take(900);
      checks.signalled(one, container);
    },
  ],
  [
    "a task is withdrawn before it is told to stop",
    "nobody was asked",
    ({ checks, one, container }) => checks.signalled(one, container),
  ],
];

describe("each broken promise to those who send traffic is found", () => {
  it.each(VIOLATIONS)("%s: %s", async (check, _story, break_) => {
    const all = await fakes();
    expect(() => break_(all)).toThrow(check);
  });
});

it("finds nothing where all have answered, or can't be asked, or the wait is over", async () => {
  const answered = await fakes();
  answered.checks.calls(answered.one, N2, withdraw);
  acknowledge(answered);
  answered.checks.signalled(answered.one, answered.container);

  const unreachable = await fakes();
  unreachable.checks.calls(unreachable.one, N2, withdraw);
  unreachable.checks.called(unreachable.one, N2, { ...withdraw, ok: false });
  unreachable.checks.signalled(unreachable.one, unreachable.container);

  const waited = await fakes();
  waited.checks.calls(waited.one, N2, withdraw);
  waited.queue.take(1_000);
  waited.checks.signalled(waited.one, waited.container);
  // Another life of the process knows nothing of what the one before has said.
  acknowledge(waited);
  waited.checks.ended(waited.two);
  waited.two.plane.avoid(nothing);
  waited.checks.stepped(waited.two);
});
