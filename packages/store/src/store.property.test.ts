import * as fc from "fast-check";
import {
  DESIRED_STATES,
  holdsAddress,
  holdsSlot,
  isAssigned,
  isDesiredLater,
  isLater,
  isTerminal,
  knownBlock,
  nodeGateway,
  overlaps,
  parseIpAddress,
  portsOverlap,
  secretId,
  TASK_STATES,
  type Command,
  type ContainerSpec,
  type Network,
  type NetworkAddress,
  type Task,
} from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Driver, hostPort, ingress, newTask, serviceSpec } from "./fixtures.ts";
import { createStore, type Store } from "./store.ts";
import { slotOf, type View } from "./view.ts";

const id = (prefix: string) => fc.integer({ min: 1, max: 4 }).map((number) => `${prefix}${number}`);
const version = (view: View, of: { readonly version: number } | undefined, near: number): number =>
  near === 0 ? (of?.version ?? view.version) : near;

const using = (name: string): Partial<ContainerSpec> => {
  const file = { name, uid: 0, gid: 0, mode: 0o444 };
  return { secrets: [{ secretId: secretId(name), secretName: name, file }] };
};

const spec = fc
  .record({
    name: id("web"),
    image: fc.constantFrom("a", "b"),
    ports: fc.array(
      fc.oneof(
        fc.constantFrom(0, 80, 81).map((port) => ingress(80, port)),
        fc.constantFrom(0, 80).map((port) => hostPort(81, port)),
        fc.constantFrom("10.0.0.1", "10.0.0.2", "0.0.0.0", "::1").map((hostIp) => ({ ...ingress(80, 80), hostIp })),
      ),
      { maxLength: 3 },
    ),
    mode: fc.constantFrom({ kind: "replicated", replicas: 2 } as const, { kind: "global" } as const),
    networks: fc.uniqueArray(fc.constantFrom("net0", "net0", "net1", "net2"), { maxLength: 2 }),
    endpoint: fc.constantFrom("vip", "vip", "dnsrr"),
    container: fc.constantFrom({}, {}, {}, using("x1"), using("x2")),
  })
  .map(({ name, ...rest }) => serviceSpec(name, rest));

const status = fc.record({
  state: fc.constantFrom(...TASK_STATES),
  at: fc.integer({ min: 0, max: 9 }),
  message: fc.string({ unit: "binary", maxLength: 5 }),
});

/** Small enough to be used up, or not; some of them overlap. */
const networkSpec = fc
  .record({
    subnets: fc.subarray([
      { subnet: "10.9.0.16/28", range: "10.9.0.20/30", auxiliary: { kept: "10.9.0.22", also: "10.9.0.23" } },
      { subnet: "fd00::/120", range: "fd00::10/127" },
    ]),
    ipv6: fc.constant(true),
  })
  .map((own) => ({ labels: {}, attachable: false, internal: false, ...own }));

/** One step: a command made from what is there, so that many are accepted, and many are not. */
type Step = (view: View, now: number) => unknown;
const step = <T>(arbitrary: fc.Arbitrary<T>, make: (value: T, view: View) => object): fc.Arbitrary<Step> =>
  arbitrary.map((value) => (view, now) => ({ now, ...make(value, view) }));

const service = id("s");
/** Mostly the version that is there, else a wrong one. */
const near = fc.constantFrom(0, 0, 0, 1);
const createService = step(fc.tuple(service, spec), ([id, spec]) => ({ kind: "createService", id, spec }));
const steps: fc.Arbitrary<Step> = fc.oneof(
  createService,
  createService,
  createService,
  step(fc.tuple(service, spec, near), ([id, spec, at], view) => {
    const current = view.services().find((other) => other.id === id);
    const same = current === undefined ? spec : { ...spec, name: current.spec.name, mode: current.spec.mode };
    return { kind: "updateService", id, spec: same, version: version(view, current, at) };
  }),
  step(fc.tuple(service, near), ([id, at], view) => {
    const current = view.services().find((other) => other.id === id);
    return { kind: "rollbackService", id, version: version(view, current, at) };
  }),
  step(fc.tuple(service, near), ([id, at], view) => {
    const current = view.services().find((other) => other.id === id);
    const specVersion = at === 0 ? (current?.specVersion ?? 0) : at;
    return { kind: "setUpdateStatus", id, specVersion, status: { state: "paused", startedAt: at, message: "" } };
  }),
  step(fc.tuple(id("net"), networkSpec), ([id, spec]) => ({ kind: "createNetwork", id, spec: { ...spec, name: id } })),
  step(id("net"), (id) => ({ kind: "removeNetwork", id })),
  step(fc.tuple(id("x"), id("x")), ([id, name]) => {
    return { kind: "createSecret", id, spec: { name, labels: {} }, sealed: "c2VhbGVk" };
  }),
  step(fc.tuple(id("x"), near), ([id, at], view) => {
    const current = view.secrets().find((other) => other.id === id);
    const spec = { name: current?.spec.name ?? id, labels: { at: String(at) } };
    return { kind: "updateSecret", id, spec, version: version(view, current, at) };
  }),
  step(id("x"), (id) => ({ kind: "removeSecret", id })),
  step(service, (id) => ({ kind: "removeService", id })),
  step(service, (id) => ({ kind: "finishRemoveService", id })),
  step(fc.tuple(id("n"), id("k"), id("a")), ([id, keyDigest, address]) => {
    return { kind: "createNode", id, keyDigest, address, hostname: id, labels: {}, availability: "active" };
  }),
  step(fc.tuple(id("n"), fc.constantFrom("ready", "ready", "down")), ([id, state]) => {
    return { kind: "setNodeState", id, state, message: "" };
  }),
  step(fc.tuple(id("n"), fc.constantFrom("ready", "down"), fc.constantFrom("", "why")), ([id, state, message]) => {
    return { kind: "describeNode", id, engine: { state, message } };
  }),
  step(fc.dictionary(id("n"), fc.constantFrom("voter", "learner")), (roles) => ({ kind: "setRaftRoles", roles })),
  step(fc.tuple(id("n"), fc.boolean()), ([id, force]) => ({ kind: "removeNode", id, force })),
  step(id("n"), (nodeId) => ({ kind: "orphanTasks", nodeId, message: "" })),
  ...Array.from({ length: 4 }, () =>
    step(
      fc.tuple(fc.integer({ min: 1, max: 40 }), service, fc.integer({ min: 1, max: 2 }), id("n"), near),
      (drawn, view) => {
        const [number, id, slot, nodeId, at] = drawn;
        const current = view.services().find((other) => other.id === id);
        const own = { specVersion: current?.specVersion ?? at, serviceName: "web" };
        const where = current?.spec.mode.kind === "global" ? { slot: 0, nodeId } : { slot };
        const named = current?.spec.task.networks.map(({ target, aliases }) => ({ networkId: target, aliases }));
        const task = { ...newTask(`t${number}`, id, own), ...where, ...(named && { networks: named }) };
        return { kind: "createTask", task };
      },
    ),
  ),
  step(fc.tuple(fc.nat(40), id("n")), ([number, nodeId]) => ({ kind: "assignTask", id: `t${number}`, nodeId })),
  step(fc.tuple(fc.nat(40), id("n")), ([pick, nodeId], view) => {
    const waiting = [...view.tasks()].filter((task) => !isAssigned(task.status.state));
    const task = waiting[pick % Math.max(1, waiting.length)];
    return { kind: "assignTask", id: task?.id ?? "t1", nodeId: task?.nodeId ?? nodeId };
  }),
  step(fc.tuple(fc.nat(40), fc.constantFrom(...DESIRED_STATES)), ([pick, desired], view) => {
    return { kind: "setDesiredState", id: [...view.tasks()][pick]?.id ?? "t1", desired };
  }),
  step(fc.nat(40), (pick, view) => ({ kind: "removeTask", id: [...view.tasks()][pick]?.id ?? "t1" })),
  step(fc.tuple(id("n"), fc.array(fc.tuple(fc.nat(40), status), { maxLength: 4 })), ([nodeId, drawn], view) => {
    const tasks = [...view.tasks()];
    return {
      kind: "reportTasks",
      nodeId,
      statuses: drawn.map(([pick, status]) => ({ id: tasks[pick]?.id ?? "t1", status })),
    };
  }),
  step(fc.tuple(service, fc.integer({ min: 1, max: 2 })), ([serviceId, slot]) => {
    return { kind: "recordRestart", history: { serviceId, slot, specVersion: 1, count: 2, restarts: [1, 2] } };
  }),
);

const KINDS = ["createService", "updateNode", "createTask", "reportTasks", "setRaftRoles", "createCluster", "toString"];
const nonsense: fc.Arbitrary<Step> = fc
  .oneof(
    fc.anything(),
    fc.record({
      kind: fc.constantFrom(...KINDS),
      now: fc.anything(),
      id: fc.anything(),
      spec: fc.anything(),
      task: fc.anything(),
    }),
  )
  .map((value) => () => value);

const POOL = { subnet: "10.9.0.0/24", subnetLength: 28 };
const plane: fc.Arbitrary<Plane> = fc.constantFrom<Plane>({}, { dataPlane: "overlay", addressPool: POOL });
type Plane = Parameters<Driver["cluster"]>[0];

function started(of: Plane = {}): Driver {
  return new Driver().cluster(of).nodes("n1", "n2");
}

function expectInvariants(view: View): void {
  const present = view.services().filter(({ removing }) => removing !== true);
  const names = present.map(({ spec }) => spec.name);
  expect(new Set(names).size).toBe(names.length);
  for (const { id, spec } of present) expect(view.serviceByName(spec.name)?.id).toBe(id);
  expectPortsUnique(view);
  expectAddressesUnique(view);
  expectSecretsThere(view);
  const tasks = [...view.tasks()];
  expect(view.taskCount).toBe(tasks.length);
  for (const { id } of view.services()) {
    expect(view.tasksOfService(id)).toEqual(tasks.filter((task) => task.serviceId === id));
  }
  for (const id of new Set(tasks.flatMap((task) => task.nodeId ?? []))) {
    expect(new Set(view.tasksOfNode(id))).toEqual(new Set(tasks.filter((task) => task.nodeId === id)));
  }
  for (const task of tasks) {
    expect(view.service(task.serviceId)).toBeDefined();
    const slot = slotOf(task) ?? 0;
    const mates = view.tasksOfSlot(task.serviceId, slot);
    expect(mates).toEqual(tasks.filter((mate) => mate.serviceId === task.serviceId && slotOf(mate) === slot));
    const holders = mates.filter(holdsSlot);
    expect(holders.length).toBeLessThanOrEqual(2);
    if (holders.length === 2) expect(holders[0]?.specVersion).not.toBe(holders[1]?.specVersion);
  }
}

function expectSecretsThere(view: View): void {
  for (const { id, spec } of view.secrets()) expect(view.secretByName(spec.name)?.id).toBe(id);
  for (const { spec, removing } of view.services()) {
    if (removing === true) continue;
    for (const used of spec.task.container.secrets ?? []) expect(view.secret(used.secretId)).toBeDefined();
  }
}

/** Nobody has an address of somebody else, and each lies in its subnet. In the ports plane nobody has any. */
function expectAddressesUnique(view: View): void {
  const seen = new Set<string>();
  const expectFree = (network: Network | undefined, family: "ipv4" | "ipv6", text: string | undefined): void => {
    const used = network?.addressing?.[family];
    expect(text === undefined).toBe(used === undefined);
    if (text === undefined || used === undefined) return;
    expect(seen.has(`${network?.id} ${text}`)).toBe(false);
    seen.add(`${network?.id} ${text}`);
    const address = parseIpAddress(text);
    expect(address && holdsAddress(knownBlock(used.subnet), address)).toBe(true);
  };
  const expectOwn = (network: Network | undefined, address: NetworkAddress | undefined): void => {
    expectFree(network, "ipv4", address?.ipv4);
    expectFree(network, "ipv6", address?.ipv6);
  };
  for (const network of view.networks()) {
    const { addressing } = network;
    if (addressing === undefined) continue;
    expectFree(network, "ipv4", addressing.ipv4.gateway);
    expectFree(network, "ipv6", addressing.ipv6?.gateway);
    for (const address of Object.values(addressing.ipv4.auxiliary ?? {})) expectFree(network, "ipv4", address);
    for (const { number } of view.nodes()) expectOwn(network, (number && nodeGateway(addressing, number)) || undefined);
  }
  for (const { vips = [] } of view.services()) for (const vip of vips) expectOwn(view.network(vip.networkId), vip);
  const isOverlay = view.cluster()?.dataPlane === "overlay";
  for (const { networks, addresses, status } of view.tasks()) {
    if (isTerminal(status.state)) continue;
    expect(addresses?.length).toBe(isOverlay && isAssigned(status.state) ? networks.length : undefined);
    for (const [at, address] of addresses?.entries() ?? []) {
      expectOwn(view.network(networks[at]?.networkId ?? expect.fail()), address);
    }
  }
  expectNetworksApart(view);
}

function expectNetworksApart(view: View): void {
  const all = view.networks().flatMap(({ addressing }) => addressing ?? []);
  expect(new Set(all.map(({ vni }) => vni)).size).toBe(all.length);
  const blocks = all.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].flatMap((used) => (used ? knownBlock(used.subnet) : [])));
  for (const [at, block] of blocks.entries()) {
    expect(blocks.slice(at + 1).some((other) => overlaps(block, other))).toBe(false);
  }
  const numbers = view.nodes().flatMap(({ number }) => number ?? []);
  expect(new Set(numbers).size).toBe(numbers.length);
}

function expectPortsUnique(view: View): void {
  const present = view.services().filter(({ removing }) => removing !== true);
  const held = present.flatMap(({ ports }) => ports).filter(({ mode }) => mode === "ingress");
  for (const [at, port] of held.entries()) {
    expect(port.publishedPort).toBeGreaterThan(0);
    expect(held.findIndex((other) => portsOverlap(other, port))).toBe(at);
  }
}

function expectForward(previous: Task, current: Task): void {
  const { state } = current.status;
  expect(state === previous.status.state || isLater(state, previous.status.state)).toBe(true);
  if (isTerminal(previous.status.state)) expect(current.status).toEqual(previous.status);
  expect(isDesiredLater(previous.desiredState, current.desiredState)).toBe(false);
  if (previous.nodeId !== undefined) expect(current.nodeId).toBe(previous.nodeId);
  expect([current.spec, current.serviceId, current.slot]).toEqual([previous.spec, previous.serviceId, previous.slot]);
}

function copyOf(store: Store): Store {
  const copy = createStore();
  const restore = copy.restore();
  for (const chunk of store.snapshot()) expect(restore.push(chunk)).toEqual({ ok: true });
  expect(restore.finish()).toEqual({ ok: true, version: store.view.version });
  return copy;
}

/** What a decider may read of a state, in order. */
const contents = ({ view }: Store): unknown => [
  view.version,
  view.cluster(),
  view.nodes(),
  view.networks(),
  view.services(),
  [...view.tasks()],
];

describe("apply", () => {
  it("keeps every invariant, whatever it is given", () => {
    fc.assert(
      fc.property(
        plane,
        fc.array(fc.oneof({ weight: 20, arbitrary: steps }, nonsense), { maxLength: 80, size: "max" }),
        (of, run) => {
          const { store, index } = started(of);
          const watch = store.watch({ limit: 1_000 });
          run.forEach((make, at) => {
            const before = store.hash();
            const result = store.apply(index + 1 + at, make(store.view, index + at) as Command);
            const events = watch.drain();
            if (!result.ok) {
              expect(result.message).toMatch(/^[^\n]+$/);
              expect(store.hash()).toBe(before);
            }
            for (const { changes } of events.kind === "changes" ? events.batches : []) {
              for (const { table, previous, current } of changes) {
                if (table === "tasks" && previous && current) expectForward(previous, current);
              }
            }
          });
          expectInvariants(store.view);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("gives the same state on a replica that began from a snapshot in the middle", () => {
    fc.assert(
      fc.property(
        plane,
        fc.array(steps, { maxLength: 60, size: "max" }),
        fc.array(steps, { maxLength: 30, size: "max" }),
        (of, first, second) => {
          const { store, index } = started(of);
          first.forEach((make, at) => store.apply(index + 1 + at, make(store.view, at) as Command));
          const copy = copyOf(store);
          expect(contents(copy)).toEqual(contents(store));
          const watches = [store, copy].map((one) => one.watch({ limit: 1_000 }));
          second.forEach((make, at) => {
            const command = make(store.view, at) as Command;
            const place = index + 1 + first.length + at;
            expect(copy.apply(place, command)).toEqual(store.apply(place, command));
            // Also in the same order.
            const [events, copied] = watches.map((watch) => watch.drain());
            expect(copied).toEqual(events);
          });
          expect(copy.hash()).toBe(store.hash());
          expect(contents(copy)).toEqual(contents(store));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("accepts enough of these runs to mean something, and uses addresses up", () => {
    let accepted = 0;
    let exhausted = 0;
    let all = 0;
    const kinds = new Set<string>();
    for (const run of fc.sample(fc.array(steps, { minLength: 200, maxLength: 200, size: "max" }), {
      numRuns: 30,
      seed: 1,
    })) {
      const { store, index } = started({ dataPlane: "overlay", addressPool: POOL });
      run.forEach((make, at) => {
        const command = make(store.view, at) as Command;
        const result = store.apply(index + 1 + at, command);
        all += 1;
        if (!result.ok && /^(address pool exhausted|no free address)/.test(result.message)) exhausted += 1;
        if (result.ok) accepted += 1;
        if (result.ok) kinds.add(command.kind);
      });
    }
    expect(accepted / all).toBeGreaterThan(0.2);
    expect(kinds.size).toBeGreaterThanOrEqual(16);
    expect(exhausted).toBeGreaterThan(0);
  });
});
