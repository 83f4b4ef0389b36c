import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import Docker from "dockerode";
import { afterAll, beforeAll, expect, it } from "vitest";
import { NODE_ONE } from "./testing/memory-cluster.ts";
import { serveApi, type Served } from "./testing/served.ts";

/*
 * Node's Docker client, by the types that its users compile against: what they say that is there, is there. A cluster in
 * memory, and the machine's own engine behind it.
 */
let served: Served;
let docker: Docker;
beforeAll(async () => {
  served = await serveApi({ socketPath: "/var/run/docker.sock" });
  docker = new Docker({ socketPath: served.socketPath });
});
afterAll(() => served[Symbol.asyncDispose]());

/** Docker's status and words, as this client gives them. */
async function refusal(call: Promise<unknown>): Promise<{ readonly statusCode: number; readonly message: string }> {
  const error: unknown = await call.then(
    () => new Error("was not refused"),
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ statusCode: expect.any(Number), json: { message: expect.any(String) } });
  const { statusCode, json } = error as { statusCode: number; json: { message: string } };
  return { statusCode, message: json.message };
}

const SPEC: Docker.CreateServiceOptions = {
  Name: "sdk-web",
  Labels: { team: "a" },
  TaskTemplate: {
    ContainerSpec: {
      Image: "nginx:1",
      Args: ["serve"],
      Env: ["A=1"],
      Mounts: [{ Type: "volume", Source: "data", Target: "/data" }],
      StopGracePeriod: 3_000_000_000,
    },
    Resources: { Limits: { MemoryBytes: 2 ** 26 }, Reservations: { NanoCPUs: 100_000_000 } },
    RestartPolicy: { Condition: "on-failure", MaxAttempts: 3 },
    Placement: { Constraints: ["node.role==worker"] },
  },
  Mode: { Replicated: { Replicas: 2 } },
  UpdateConfig: { Parallelism: 2, FailureAction: "pause", Order: "start-first" },
  EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8_591, PublishMode: "ingress" }] },
};

it("the swarm is inspected and updated", async () => {
  const swarm = (await docker.swarmInspect()) as Docker.Swarm;
  expect(swarm.JoinTokens?.Worker).toMatch(/^MURMUR-1-/);
  const { Spec, Version } = swarm;
  await docker.swarmUpdate({ ...Spec, version: Version?.Index, Orchestration: { TaskHistoryRetentionLimit: 9 } });
  const after = (await docker.swarmInspect()) as Docker.Swarm;
  expect(after.Spec?.Orchestration?.TaskHistoryRetentionLimit).toBe(9);
  expect(after.Version?.Index).toBeGreaterThan(Version?.Index ?? Infinity);
});

it("nodes are listed, inspected and updated", async () => {
  const nodes = (await docker.listNodes()) as { ID: string; Description: { Hostname: string } }[];
  expect(nodes.map(({ Description }) => Description.Hostname).toSorted()).toEqual(["alpha", "beta"]);
  const node = docker.getNode(NODE_ONE);
  const before = (await node.inspect()) as { Version: { Index: number }; Spec: object };
  await node.update({ ...before.Spec, version: before.Version.Index, Labels: { zone: "b" } });
  expect(await node.inspect()).toMatchObject({ Spec: { Labels: { zone: "b" } } });
  expect(await refusal(node.update({ ...before.Spec, version: before.Version.Index }))).toMatchObject({
    message: expect.stringContaining("out of sequence"),
  });
});

it("services are made, listed, changed and removed, and their tasks seen", async () => {
  const made = await docker.createService(SPEC);
  const [listed, ...more] = await docker.listServices({ filters: { label: ["team=a"] }, status: true });
  expect(more).toEqual([]);
  expect(listed).toMatchObject({ ID: made.id, Spec: SPEC, ServiceStatus: { RunningTasks: 0, DesiredTasks: 2 } });
  expect(Date.parse(listed?.CreatedAt ?? "")).toBeGreaterThan(Date.now() - 60_000);

  const service = served.ports.replica?.store.view.serviceByName("sdk-web");
  if (service === undefined) throw new Error("there is no service");
  served.ports.replica?.runTask(service, "sdktaskaaaaaaaaaaaaaaaaaa", 1);
  const tasks = (await docker.listTasks({ filters: { service: ["sdk-web"] } })) as { ID: string; Slot: number }[];
  expect(tasks.map(({ Slot }) => Slot)).toEqual([1]);
  const task: unknown = await docker.getTask(tasks[0]?.ID ?? "").inspect();
  expect(task).toMatchObject({ ServiceID: made.id, Status: { State: "running" } });
  // Nothing runs here that could be asked for its log, and the stream says so.
  expect(await text(Readable.from(await made.logs({ stdout: true, tail: 1 })))).toContain("node alpha");

  const { Spec, Version } = (await made.inspect()) as Docker.Service;
  await made.update({ ...Spec, version: Version?.Index, Mode: { Replicated: { Replicas: 3 } } });
  const after = (await made.inspect()) as Docker.Service;
  expect(after.Spec?.Mode?.Replicated?.Replicas).toBe(3);
  expect((after as { PreviousSpec?: Docker.ServiceSpec }).PreviousSpec?.Mode?.Replicated?.Replicas).toBe(2);
  expect(await refusal(made.update({ ...Spec, version: Version?.Index }))).toMatchObject({
    message: expect.stringContaining("out of sequence"),
  });
  expect(await refusal(docker.createService(SPEC))).toMatchObject({ statusCode: 409 });
  await made.remove();
  expect(await refusal(made.inspect())).toEqual({ statusCode: 404, message: `service ${made.id} not found` });
});

it("secrets and configs are made, listed, inspected, changed and removed", async () => {
  const data = Buffer.from("hush").toString("base64");
  const secret = (await docker.createSecret({ Name: "sdk-secret", Data: data, Labels: { a: "b" } })) as Docker.Secret;
  const config = (await docker.createConfig({ Name: "sdk-config", Data: data })) as { id: string };
  const [listed] = await docker.listSecrets({ filters: { name: ["sdk-secret"] } });
  expect(listed?.Spec?.Labels).toEqual({ a: "b" });
  const id = listed?.ID ?? "";
  expect(secret).toMatchObject({ id });
  const kept = await docker.getSecret(id).inspect();
  expect(JSON.stringify(kept)).not.toContain(data);
  const labels = { Name: "sdk-secret", Labels: { a: "c" }, version: kept.Version?.Index };
  await docker.getSecret(id).update(labels);
  expect((await docker.listSecrets())[0]?.Spec?.Labels).toEqual({ a: "c" });
  expect(await docker.getConfig(config.id).inspect()).toMatchObject({ Spec: { Name: "sdk-config", Data: data } });
  await Promise.all([docker.getSecret(id).remove(), docker.getConfig(config.id).remove()]);
  expect(await docker.listSecrets()).toEqual([]);
  expect((await refusal(docker.getSecret(id).inspect())).statusCode).toBe(404);
});

it("networks of the cluster are among the engine's", async () => {
  const network = await docker.createNetwork({ Name: "sdk-net", Driver: "overlay", Attachable: true });
  const listed: Docker.NetworkInspectInfo[] = await docker.listNetworks({ filters: { scope: ["swarm"] } });
  const found = listed.find(({ Name }) => Name === "sdk-net");
  expect(found).toMatchObject({ Id: network.id, Scope: "swarm", Driver: "overlay", Attachable: true });
  const names = (await docker.listNetworks()).map(({ Name }) => Name);
  expect(names).toEqual(expect.arrayContaining(["bridge", "host", "none", "sdk-net"]));
  await network.remove();
  expect((await refusal(network.inspect())).statusCode).toBe(404);
});

it("events of the cluster come as they happen", async () => {
  const events = await docker.getEvents({ filters: { type: ["service"] } });
  try {
    const service = await docker.createService({ ...SPEC, Name: "sdk-event", EndpointSpec: {} });
    const [line] = (await once(events, "data")) as [Buffer];
    expect(JSON.parse(line.toString())).toMatchObject({ Type: "service", Action: "create", Actor: { ID: service.id } });
    await service.remove();
  } finally {
    (events as Readable).destroy();
  }
});

it("containers are the engine's", async () => {
  const output = new PassThrough();
  const said = text(output);
  // Not removed by the engine itself: it could be gone before this client asks how it has ended.
  const [ended, container] = (await docker.run("murmur/web", ["echo", "from", "there"], output)) as [
    { StatusCode: number },
    Docker.Container,
  ];
  await container.remove();
  expect(ended.StatusCode).toBe(0);
  expect(await said).toContain("from there");
});

it("a container that the engine removes by itself says how it has ended, to who asked before", async () => {
  const container = await docker.createContainer({
    Image: "murmur/web",
    Cmd: ["sh", "-c", "exit 3"],
    HostConfig: { AutoRemove: true },
  });
  // As a stream: the engine gives the head of its answer at once, and is known to have been asked before it begins.
  const asked = { path: `/containers/${container.id}/wait?`, method: "POST", options: { condition: "removed" } };
  const answer = await new Promise<Readable>((resolve, reject) => {
    docker.modem.dial({ ...asked, isStream: true, statusCodes: { 200: true } }, (error, stream) => {
      if (stream instanceof Readable) resolve(stream);
      else reject(error instanceof Error ? error : new Error("there is no answer"));
    });
  });
  await container.start();
  expect(JSON.parse(await text(answer))).toMatchObject({ StatusCode: 3 });
  expect((await refusal(container.inspect())).statusCode).toBe(404);
});
