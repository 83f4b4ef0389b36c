import { setTimeout } from "node:timers/promises";
import { codeOf } from "@murmur/base";
import { clusterId, taskId, taskName, type Task } from "@murmur/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerRequest } from "../ports.ts";
import { runtimeContract, type Behaviour } from "../runtime-contract.ts";
import { ADDRESS, closeDocker, docker, freePort, IMAGE, openDocker, RUN } from "../testing/docker-fixture.ts";
import { SAMPLE_NODE, sampleTask } from "../testing/sample-task.ts";
import { DockerRuntime } from "./docker-runtime.ts";

/** A registry that refuses at once. */
const MISSING = "127.0.0.1:1/murmur-agent-test:none";
const NEVER = { signal: new AbortController().signal };

const SCRIPTS: Record<Behaviour, string> = {
  stays: "trap 'exit 0' TERM; sleep 60 & wait",
  "fails with 3": "exit 3",
  // The kernel gives the first process of a container no signal that it has no handler for.
  deaf: "exec sleep 60",
  well: "exec sleep 60",
};

/** Fails until the file is there, which makes nothing unhealthy for a while. */
const WELL = "/well";
const HEALTH_CHECK = { test: ["CMD", "/bin/busybox", "test", "-e", WELL], intervalMs: 100, startPeriodMs: 600_000 };

beforeAll(openDocker);

afterAll(async () => expect(await closeDocker()).toEqual([]));

let number = 0;

/** Every container carries the run's cluster id and a node id of its own, so that runs don't see each other. */
function request(behaviour: Behaviour, parts: Partial<Task> = {}, image = IMAGE): ContainerRequest {
  const task = sampleTask((number += 1), {
    container: {
      image,
      command: ["/bin/busybox", "sh", "-c", SCRIPTS[behaviour]],
      ...(behaviour === "well" && { healthCheck: HEALTH_CHECK }),
    },
    serviceName: RUN,
    ...parts,
  });
  const own = { ...task, id: taskId(`${RUN}-${String(number)}`) };
  return { task: own, node: { ...SAMPLE_NODE, clusterId: clusterId(RUN) }, image };
}

runtimeContract("Docker", () => {
  const runtime = new DockerRuntime(ADDRESS);
  const made: ContainerRequest[] = [];
  return Promise.resolve({
    runtime,
    missingImage: MISSING,
    freePort,
    makeHealthy: async (id) => void (await docker("exec", id, "/bin/busybox", "touch", WELL)),
    request: (behaviour, { image, hostPort } = {}) => {
      const port = { protocol: "tcp", targetPort: 8080, publishedPort: hostPort ?? 80 } as const;
      const mode = hostPort === undefined ? "ingress" : "host";
      const wish = request(behaviour, { endpointPorts: [{ ...port, mode }] }, image);
      made.push(wish);
      return wish;
    },
    pass: async (ms) => setTimeout(ms),
    close: async () => {
      for (const { task } of made) await runtime.remove(taskName(task), NEVER).catch(() => undefined);
    },
  });
});

describe("Docker", () => {
  const runtime = new DockerRuntime(ADDRESS);

  it("gives the engine's own words in one line when a command can't be run", async () => {
    const wish = request("stays");
    const { spec } = wish.task;
    const broken = { ...wish.task, spec: { ...spec, container: { ...spec.container, command: ["/no/such"] } } };
    const id = await runtime.create({ ...wish, task: broken }, NEVER);
    const error: unknown = await runtime.start(id, NEVER).catch((reason: unknown) => reason);
    await runtime.remove(id, NEVER);
    expect(codeOf(error)).toBe("invalid_argument");
    expect(error).toMatchObject({ message: expect.stringMatching(/^[^\n]*"\/no\/such"[^\n]*$/) });
    expect(error).toMatchObject({ message: expect.not.stringContaining("HTTP code") });
  });

  it("sets what the spec asks for", async () => {
    const wish = request("stays");
    const { spec } = wish.task;
    const task: Task = {
      ...wish.task,
      spec: {
        ...spec,
        container: {
          ...spec.container,
          env: ["A=1"],
          user: "1000:1000",
          hosts: ["10.0.0.9 db store"],
          mounts: [{ kind: "tmpfs", target: "/scratch", readOnly: false, tmpfsSizeBytes: 1 << 20 }],
          stopGracePeriodMs: 1_500,
        },
        resources: { ...spec.resources, limits: { nanoCpus: 5e8, memoryBytes: 32 << 20, pids: 50 } },
      },
    };
    const id = await runtime.create({ ...wish, task }, NEVER);
    const shown = await docker("inspect", id);
    await runtime.remove(id, NEVER);
    const [made]: unknown[] = JSON.parse(shown);
    expect(made).toMatchObject({
      Config: { Env: expect.arrayContaining(["A=1"]), User: "1000:1000", StopTimeout: 2 },
      HostConfig: {
        NanoCpus: 5e8,
        Memory: 32 << 20,
        PidsLimit: 50,
        ExtraHosts: ["db:10.0.0.9", "store:10.0.0.9"],
        RestartPolicy: { Name: "no" },
        Mounts: [{ Type: "tmpfs", Target: "/scratch" }],
      },
    });
  });

  it("is unavailable where no engine listens", async () => {
    const nowhere = new DockerRuntime("unix:///nonexistent/docker.sock");
    await expect(nowhere.ping(NEVER).catch(codeOf)).resolves.toBe("unavailable");
    await expect(nowhere.events({}, NEVER).catch(codeOf)).resolves.toBe("unavailable");
  });
});
