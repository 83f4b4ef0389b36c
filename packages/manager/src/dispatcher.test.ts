import { ManualClock, nodeId, Scope, silentLog } from "@murmur/base";
import {
  configId,
  secretId,
  serviceId,
  taskId,
  type ContainerSpec,
  type InternalCommand,
  type Sealed,
  type SessionMessage,
} from "@murmur/model";
import { describe, expect, it } from "vitest";
import { Dispatcher } from "./dispatcher.ts";
import { ClusterStore } from "./testing/cluster-store.ts";
import { FakeChannel } from "./testing/fake-channel.ts";

const N1 = nodeId("n1");
const turn = async (): Promise<void> => {
  for (let count = 0; count < 60; count += 1) await Promise.resolve();
};
type Of<K extends SessionMessage["kind"]> = Extract<SessionMessage, { kind: K }>;
const last = (channel: FakeChannel): SessionMessage | undefined =>
  channel.heard.findLast(({ kind }) => kind !== "committed" && kind !== "endpoints");
const lastEndpoints = (channel: FakeChannel): SessionMessage | undefined =>
  channel.heard.findLast(({ kind }) => kind === "endpoints");

function setup() {
  const clock = new ManualClock();
  const scope = new Scope(silentLog);
  const cluster = new ClusterStore();
  const submitted: InternalCommand[] = [];
  const submit = (commands: readonly InternalCommand[]): Promise<unknown> => {
    submitted.push(...commands);
    return cluster.submit(commands);
  };
  const keys = { lost: false };
  const unseal = ({ sealed }: Sealed): string | undefined => (keys.lost ? undefined : sealed);
  const dispatcher = new Dispatcher({ store: cluster.store, unseal, submit, clock, log: silentLog }, scope);
  const open = async (id = N1, endpoints = 0): Promise<{ channel: FakeChannel; served: Promise<void> }> => {
    const channel = new FakeChannel(id, endpoints);
    const served = dispatcher.serve(channel);
    await turn();
    return { channel, served };
  };
  /** A task of a new service that has been placed on a node. */
  const place = (
    name: string,
    node = N1,
    container: Partial<ContainerSpec> = {},
    registryAuth?: string,
  ): ReturnType<typeof taskId> => {
    const service = cluster.createService(name, 1, 0, container);
    const made = cluster.store.view.service(service);
    if (registryAuth !== undefined && made !== undefined) {
      const { version, spec } = made;
      cluster.apply({ kind: "updateService", id: service, version, spec, registryAuth, now: 1 });
    }
    const id = taskId(`${name}-1`);
    const specVersion = cluster.store.view.service(service)?.specVersion ?? 0;
    const networks = cluster.store.view.networks().map((network) => ({ networkId: network.id, aliases: [] }));
    const status = { state: "pending", at: 1, message: "" } as const;
    const rest = { serviceLabels: {}, endpointPorts: [], networks, desiredState: "running", status } as const;
    cluster.apply(
      {
        kind: "createTask",
        task: { id, serviceId: service, serviceName: name, slot: 1, specVersion, ...rest },
        now: 1,
      },
      { kind: "assignTask", id, nodeId: node, now: 1 },
    );
    return id;
  };
  return { keys, clock, scope, cluster, submitted, dispatcher, open, place };
}

describe("a dispatcher", () => {
  it("sends a node its tasks, the endpoints and the facts, and then what is new for it", async () => {
    const { open, place, dispatcher, cluster } = setup();
    const first = place("a");
    place("b", nodeId("n2"));
    const { channel } = await open();
    expect(dispatcher.has(N1)).toBe(true);
    expect(channel.heard[0]).toMatchObject({ kind: "endpoints", from: 0, more: false, services: [{}, {}] });
    const full = channel.heard[1] as Of<"full">;
    expect(full.kind).toBe("full");
    expect(full.tasks.map(({ id }) => id)).toEqual([first]);
    expect(full.cluster.nodes.map(({ id }) => id)).toEqual(cluster.nodes);
    expect(full.cluster.gossipKeys).toEqual(["k1"]);
    const second = place("c");
    await turn();
    expect(last(channel)).toMatchObject({ kind: "delta", from: full.version, updated: [{ id: second }] });
    place("d", nodeId("n2"));
    await turn();
    expect(last(channel)).toMatchObject({ updated: [{ id: second }] });
  });

  it("does not send an agent its own reports back, but everybody the endpoint that comes of them", async () => {
    const { open, place, cluster } = setup();
    const id = place("a");
    const { channel } = await open();
    const other = await open(nodeId("n2"));
    cluster.report(N1, id, "running");
    await turn();
    for (const heard of [channel.heard, other.channel.heard]) {
      expect(heard.map(({ kind }) => kind)).toEqual(["endpoints", "full", "endpoints"]);
      expect(heard.at(-1)).toMatchObject({ services: [{ endpoints: [{ taskId: id }] }] });
    }
    cluster.apply({ kind: "setDesiredState", id, desired: "shutdown", now: 2 });
    await turn();
    expect(last(channel)).toMatchObject({ updated: [{ id, desiredState: "shutdown" }] });
    expect(lastEndpoints(channel)).toMatchObject({ services: [{ endpoints: [] }] });
  });

  it("commits what agents report and confirms it, however much it is", async () => {
    const { open, place, submitted, cluster } = setup();
    const id = place("a");
    const { channel } = await open();
    const status = { state: "running", at: 5, message: "started" } as const;
    const statuses = [
      { id, status },
      ...Array.from({ length: 200 }, (_, at) => ({ id: taskId(`gone${String(at)}`), status })),
    ];
    channel.say({ kind: "acknowledge", version: 3 });
    channel.say({ kind: "tasks", sequence: 7, statuses });
    channel.say({ kind: "node", sequence: 8, engine: { state: "down", message: "no socket" } });
    await turn();
    expect(cluster.store.view.task(id)?.status.state).toBe("running");
    expect(cluster.store.view.node(N1)?.status.engine).toMatchObject({ state: "down", message: "no socket" });
    expect(submitted.filter(({ kind }) => kind === "reportTasks").length).toBeGreaterThan(1);
    const confirmed = channel.heard.flatMap((message) => (message.kind === "committed" ? [message.sequence] : []));
    expect(confirmed).toEqual([7, 8]);
  });

  it("says that a node is ready when it has a session, also when somebody thought otherwise meanwhile", async () => {
    const { open, cluster } = setup();
    cluster.apply({ kind: "setNodeState", id: N1, state: "down", message: "", now: 2 });
    await open();
    expect(cluster.store.view.node(N1)?.status.state).toBe("ready");
    cluster.apply({ kind: "setNodeState", id: N1, state: "down", message: "", now: 3 });
    await turn();
    expect(cluster.store.view.node(N1)?.status.state).toBe("ready");
  });

  it("starts over when the agent asks for it", async () => {
    const { open, channelKinds } = {
      ...setup(),
      channelKinds: (channel: FakeChannel) => channel.heard.map(({ kind }) => kind),
    };
    const { channel } = await open();
    channel.say({ kind: "resync" });
    await turn();
    expect(channelKinds(channel)).toEqual(["endpoints", "full", "endpoints", "full"]);
    expect(lastEndpoints(channel)).toMatchObject({ from: 0 });
  });

  it("tells a node that was removed, and one that it never heard of", async () => {
    const { open, cluster, dispatcher } = setup();
    const { channel, served } = await open();
    cluster.apply({ kind: "removeNode", id: N1, force: true, now: 2 });
    await served;
    expect(channel.heard.at(-1)).toEqual({ kind: "removed" });
    const stranger = await open(nodeId("stranger"));
    await stranger.served;
    expect(stranger.channel.heard).toEqual([{ kind: "removed" }]);
    expect(dispatcher.nodes()).toEqual([]);
  });

  it("keeps the newest session of a node", async () => {
    const { open, dispatcher } = setup();
    const first = await open();
    const second = await open();
    await first.served;
    expect(first.channel.closed).toBe(true);
    expect(second.channel.closed).toBe(false);
    expect(dispatcher.has(N1)).toBe(true);
    second.channel.close();
    await second.served;
    expect(dispatcher.has(N1)).toBe(false);
  });

  it("ends its sessions with the manager, and takes no new ones", async () => {
    const { open, scope } = setup();
    const { channel, served } = await open();
    await scope[Symbol.asyncDispose]();
    await served;
    expect(channel.closed).toBe(true);
    expect((await open()).channel.closed).toBe(true);
  });

  it("knows all endpoints when a session comes, whatever changed while there was none", async () => {
    const { open, place, cluster } = setup();
    const { channel, served } = await open();
    channel.close();
    await served;
    const id = place("late");
    cluster.report(N1, id, "running");
    await turn();
    const again = await open();
    const [whole] = again.channel.heard as readonly Of<"endpoints">[];
    expect(whole?.from).toBe(0);
    expect(whole?.services.flatMap(({ endpoints }) => endpoints)).toMatchObject([{ taskId: id }]);
    const more = place("later");
    cluster.report(N1, more, "running");
    await turn();
    const change = lastEndpoints(again.channel) as Of<"endpoints">;
    expect(change.services.map(({ name }) => name)).toEqual(["later"]);
  });

  it("tells an agent that comes back what is new since it left", async () => {
    const { open, place, cluster } = setup();
    await open(nodeId("n2"));
    const { channel, served } = await open();
    const had = lastEndpoints(channel) as Of<"endpoints">;
    channel.close();
    await served;
    cluster.report(N1, place("late"), "running");
    await turn();
    const again = await open(N1, had.version);
    expect(again.channel.heard[0]).toMatchObject({
      kind: "endpoints",
      from: had.version,
      services: [{ name: "late" }],
    });
    const ahead = await open(N1, 1_000_000);
    expect(ahead.channel.heard[0]).toMatchObject({ kind: "endpoints", from: 0 });
  });
});

describe("a dispatcher's logins", () => {
  const login = (name: string, text: string) => ({ kind: "login", id: name, data: text });
  const put = (channel: FakeChannel) =>
    channel.heard.flatMap((message) =>
      message.kind === "payloads" ? [{ put: message.put, gone: message.removed }] : [],
    );

  it("go to the nodes that are to pull, before the task, and away when the container is made", async () => {
    const { open, place, cluster } = setup();
    const id = place("a", N1, {}, "c2VhbGVk");
    const [{ channel }, other] = [await open(), await open(nodeId("n2"))];
    expect(channel.heard.map(({ kind }) => kind)).toEqual(["endpoints", "payloads", "full"]);
    expect(put(channel)).toEqual([{ put: [login("a", "c2VhbGVk")], gone: [] }]);
    expect((channel.heard[2] as Of<"full">).tasks).toMatchObject([{ id, hasLogin: true }]);
    expect(JSON.stringify(channel.heard[2])).not.toContain("c2VhbGVk");
    cluster.report(N1, id, "preparing");
    await turn();
    expect(put(channel)).toHaveLength(1);
    cluster.report(N1, id, "running");
    await turn();
    expect(put(channel)[1]).toEqual({ put: [], gone: ["login/a"] });
    expect(put(other.channel)).toEqual([]);
  });

  it("are sent anew when they change, and said to be none when they are gone", async () => {
    const { open, place, cluster } = setup();
    place("a", N1, {}, "c2VhbGVk");
    const { channel } = await open();
    const update = (registryAuth: string): void => {
      const { version = 0, spec } = cluster.store.view.service(serviceId("a")) ?? {};
      if (spec) cluster.apply({ kind: "updateService", id: serviceId("a"), version, spec, registryAuth, now: 2 });
    };
    for (const text of ["bmV3", "bmV3", ""]) {
      update(text);
      await turn();
    }
    expect(put(channel).map((message) => message.put)).toEqual([
      [login("a", "c2VhbGVk")],
      [login("a", "bmV3")],
      [login("a", "")],
    ]);
  });

  it("wait for the key that opens them", async () => {
    const { open, place, keys, dispatcher } = setup();
    place("a", N1, {}, "c2VhbGVk");
    keys.lost = true;
    const { channel } = await open();
    expect(put(channel)).toEqual([]);
    keys.lost = false;
    dispatcher.keysChanged();
    await turn();
    expect(put(channel)).toEqual([{ put: [login("a", "c2VhbGVk")], gone: [] }]);
  });
});

describe("a dispatcher's secrets and configs", () => {
  const file = (name: string) => ({ name, uid: 0, gid: 0, mode: 0o444 });
  const uses = (...names: readonly string[]): Partial<ContainerSpec> => ({
    secrets: names.map((name) => ({ secretId: secretId(name), secretName: name, file: file(name) })),
    configs: [{ configId: configId("conf"), configName: "conf", file: file("/conf") }],
  });
  const withSecrets = () => {
    const world = setup();
    const now = 1;
    for (const name of ["one", "two", "unused"]) {
      const spec = { name, labels: {} };
      world.cluster.apply({ kind: "createSecret", id: secretId(name), spec, sealed: `c2VhbGVk${name.length}AAA`, now });
    }
    const spec = { name: "conf", labels: {}, templating: "golang" } as const;
    world.cluster.apply({ kind: "createConfig", id: configId("conf"), spec, data: "Y29uZg==", now });
    return world;
  };
  const payloads = (channel: FakeChannel) =>
    channel.heard.flatMap((message) => {
      if (message.kind !== "payloads") return [];
      const put = message.put.map(({ id }) => `+${id}`);
      return [[...(message.isFirst ? ["first"] : []), ...put, ...message.removed.map((key) => `-${key}`)].join(" ")];
    });

  it("are those that the node's tasks use, before the tasks, and no others", async () => {
    const { open, place } = withSecrets();
    place("a", N1, uses("one"));
    place("b", nodeId("n2"), uses("two"));
    const { channel } = await open();
    expect(channel.heard.map(({ kind }) => kind)).toEqual(["endpoints", "payloads", "full"]);
    expect(channel.heard[1]).toMatchObject({
      isFirst: true,
      put: [
        { kind: "secret", id: "one", data: "c2VhbGVk3AAA" },
        { kind: "config", id: "conf", data: "Y29uZg==", templating: "golang" },
      ],
    });
    place("c", N1, uses("one", "two"));
    await turn();
    expect(channel.heard.slice(3).map(({ kind }) => kind)).toEqual(["endpoints", "payloads", "delta"]);
    expect(payloads(channel)).toEqual(["first +one +conf", "+two"]);
    const plain = await open(nodeId("n2"));
    expect(payloads(plain.channel)).toEqual(["first +two +conf"]);
  });

  it("go away with the last task that uses them, and with themselves", async () => {
    const { open, place, cluster } = withSecrets();
    const [a, b] = [place("a", N1, uses("one")), place("b", N1, uses("one", "two"))];
    const { channel } = await open();
    cluster.report(N1, b, "failed");
    await turn();
    cluster.report(N1, a, "complete");
    await turn();
    expect(payloads(channel)).toEqual(["first +one +conf +two", "-secret/two", "-secret/one -config/conf"]);
    place("c", N1, uses("one"));
    await turn();
    for (const name of ["a", "b", "c"]) cluster.apply({ kind: "removeService", id: serviceId(name), now: 1 });
    cluster.apply({ kind: "removeSecret", id: secretId("one"), now: 1 });
    await turn();
    expect(payloads(channel).slice(3)).toEqual(["+one +conf", "-secret/one"]);
  });

  it("come whole and for the first time when all is asked for anew", async () => {
    const { open, place } = withSecrets();
    place("a", N1, uses("one"));
    const { channel } = await open();
    channel.say({ kind: "resync" });
    await turn();
    expect(payloads(channel)).toEqual(["first +one +conf", "first +one +conf"]);
  });

  it("say nothing to an agent that has none", async () => {
    const { open, place } = withSecrets();
    place("a");
    const { channel } = await open();
    channel.say({ kind: "resync" });
    await turn();
    expect(payloads(channel)).toEqual([]);
  });

  it("come later where this manager lacks the key", async () => {
    const { open, place, keys, dispatcher } = withSecrets();
    keys.lost = true;
    place("a", N1, uses("one"));
    const { channel } = await open();
    expect(payloads(channel)).toEqual(["first +conf"]);
    keys.lost = false;
    dispatcher.keysChanged();
    await turn();
    expect(payloads(channel)).toEqual(["first +conf", "+one"]);
  });

  it("go in messages of a bounded size", async () => {
    const { open, place, cluster } = withSecrets();
    const names = ["b1", "b2", "b3"];
    for (const name of names) {
      const spec = { name, labels: {} };
      cluster.apply({ kind: "createSecret", id: secretId(name), spec, sealed: "A".repeat(300_000), now: 1 });
    }
    place("a", N1, uses(...names));
    const { channel } = await open();
    expect(payloads(channel)).toEqual(["first +b1", "+b2", "+b3 +conf"]);
  });
});
