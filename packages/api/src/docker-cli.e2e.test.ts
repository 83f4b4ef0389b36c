import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NODE_ONE } from "./testing/memory-cluster.ts";
import { serveApi, type Served } from "./testing/served.ts";

/*
 * The real docker command against a served socket: a cluster in memory, and the machine's own engine behind it. Needs
 * the docker command, its engine at /var/run/docker.sock and a static busybox; fails where they are missing.
 */
const run = promisify(execFile);
const IMAGE = "murmur-api-test:1";
const engineSocket = "/var/run/docker.sock";

let served: Served;
beforeAll(async () => {
  served = await serveApi({ socketPath: engineSocket });
  await makeImage();
}, 60_000);
afterAll(async () => {
  await run("docker", ["-H", `unix://${engineSocket}`, "rmi", "-f", IMAGE]);
  await served[Symbol.asyncDispose]();
});

/** An image of one file, from what is on the machine. */
async function makeImage(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "murmur-api-image-"));
  await mkdir(join(folder, "bin"));
  await cp("/bin/busybox", join(folder, "bin/busybox"), { dereference: true });
  for (const tool of ["sh", "cat", "echo", "sleep"]) await symlink("busybox", join(folder, "bin", tool));
  await run("tar", ["-C", folder, "-cf", join(folder, "image.tar"), "bin"]);
  await docker("import", join(folder, "image.tar"), IMAGE);
  await rm(folder, { recursive: true });
}

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs docker against the served socket, with this for its input, whatever it ends with. */
async function dockerWith(input: string, ...args: string[]): Promise<Result> {
  const child = spawn("docker", ["-H", `unix://${served.socketPath}`, ...args]);
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? -1));
  });
  child.stdin.end(input);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

/** Runs docker; its output, when it succeeds. */
async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await dockerWith("", ...args);
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

const format = (...fields: string[]): string[] => ["--format", fields.map((field) => `{{${field}}}`).join(" ")];

describe("docker", () => {
  it("sees a swarm", async () => {
    expect(await docker("version", ...format(".Server.Platform.Name", ".Client.APIVersion"))).toBe("Murmur 0.1.0 1.47");
    const swarm = ["Swarm.LocalNodeState", "Swarm.NodeID", "Swarm.Managers"].map((field) => `.${field}`);
    expect(await docker("info", ...format(...swarm))).toBe(`active ${NODE_ONE} 1`);
    expect(await docker("swarm", "join-token", "-q", "worker")).toBe("MURMUR-1-digest-first-secret");
    expect(await docker("swarm", "join-token", "-q", "--rotate", "worker")).toBe("MURMUR-1-digest-secret-1");
    await docker("swarm", "update", "--task-history-limit", "3");
    expect(await docker("info", ...format(".Swarm.Cluster.Spec.Orchestration.TaskHistoryRetentionLimit"))).toBe("3");
  });

  it("manages nodes", async () => {
    expect(await docker("node", "ls", ...format(".Hostname", ".Status", ".Availability", ".ManagerStatus"))).toBe(
      "alpha Ready Active Leader\nbeta Ready Active",
    );
    await docker("node", "update", "--availability", "drain", "--label-add", "zone=b", "beta");
    expect(await docker("node", "inspect", "beta", ...format(".Spec.Availability", ".Spec.Labels.zone"))).toBe(
      "drain b",
    );
    await docker("node", "update", "--availability", "active", "--label-rm", "zone", "beta");
    expect(await docker("node", "inspect", "self", ...format(".ID"))).toBe(NODE_ONE);
    await docker("node", "promote", "beta");
    expect(await docker("node", "inspect", "beta", ...format(".Spec.Role"))).toBe("manager");
    await docker("node", "demote", "beta");
    expect((await dockerWith("", "node", "rm", "beta")).stderr).toContain("is not down");
  });

  it("manages services", async () => {
    const options = ["--detach", "--no-resolve-image", "--env", "A=B", "--limit-memory", "64M", "--publish", "8080:80"];
    const more = [
      "--constraint",
      "node.role==worker",
      "--mount",
      "type=volume,source=data,target=/data",
      "--health-cmd",
      "true",
    ];
    const id = await docker(
      "service",
      "create",
      "--name",
      "web",
      "--replicas",
      "2",
      ...options,
      ...more,
      "nginx",
      "arg",
    );
    expect(await docker("service", "ls", ...format(".ID", ".Name", ".Mode", ".Replicas", ".Image", ".Ports"))).toBe(
      `${id.slice(0, 12)} web replicated 0/2 nginx:latest *:8080->80/tcp`,
    );
    const [service] = served.ports.replica?.store.view.services() ?? [];
    if (service === undefined) throw new Error("there is no service");
    served.ports.replica?.runTask(service, "task1aaaaaaaaaaaaaaaaaaaa", 1);
    expect(await docker("service", "ps", "web", ...format(".Name", ".Node", ".DesiredState"))).toBe(
      "web.1 alpha Running",
    );
    expect(await docker("node", "ps", ...format(".Name"))).toBe("web.1");
    await docker("service", "scale", "--detach", "web=3");
    await docker("service", "update", "--detach", "--env-add", "C=D", "--limit-memory", "0", "web");
    // The client keeps them in a map of Go's: in which order it sends them is left to chance.
    const env = JSON.parse(
      await docker("service", "inspect", "web", ...format("json .Spec.TaskTemplate.ContainerSpec.Env")),
    ) as string[];
    expect(env.toSorted()).toEqual(["A=B", "C=D"]);
    await docker("service", "rollback", "--detach", "web");
    expect(await docker("service", "inspect", "web", ...format("json .Spec.TaskTemplate.ContainerSpec.Env"))).toBe(
      '["A=B"]',
    );
    expect(await docker("service", "inspect", "--pretty", "web")).toContain("Replicas:\t3");
    expect((await dockerWith("", "service", "create", "--detach", "--name", "web", "nginx")).stderr).toContain(
      "name conflicts with an existing object",
    );
    await docker("service", "rm", "web");
    expect((await dockerWith("", "service", "inspect", "web")).stderr).toContain("no such service: web");
  });

  it("manages networks of the cluster beside its own", async () => {
    const id = await docker("network", "create", "-d", "overlay", "--attachable", "--label", "a=b", "back");
    const fields = [".Name", ".Driver", ".Scope"];
    expect(await docker("network", "ls", "--filter", "name=back", ...format(...fields))).toBe("back overlay swarm");
    expect(await docker("network", "inspect", "back", ...format(".Id", ".Attachable", ".Labels.a"))).toBe(
      `${id} true b`,
    );
    const local = "murmur-api-test-network";
    await docker("network", "create", "--driver", "bridge", "--subnet", "10.213.77.0/28", local);
    expect(await docker("network", "inspect", local, ...format(".Scope", "(index .IPAM.Config 0).Subnet"))).toBe(
      "local 10.213.77.0/28",
    );
    await docker(
      "service",
      "create",
      "--detach",
      "--no-resolve-image",
      "--name",
      "backed",
      "--network",
      "back",
      "nginx",
    );
    const attached = ["service", "inspect", "backed", ...format("(index .Spec.TaskTemplate.Networks 0).Target")];
    expect(await docker(...attached)).toBe(id);
    await docker("service", "rm", "backed");
    await docker("network", "rm", local, "back");
    const gone = await dockerWith("", "network", "inspect", "back");
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining("back not found")]);
    const refused = await dockerWith("", "network", "create", "-d", "overlay", "--opt", "encrypted", "x");
    expect(refused.stderr).toContain("Murmur doesn't encrypt");
  });

  it("waits for a service until it has converged", async () => {
    const args = ["service", "create", "--no-resolve-image", "--name", "quick", "nginx"];
    const created = docker(...args);
    const find = () => served.ports.replica?.store.view.serviceByName("quick");
    await expect.poll(find, { timeout: 15_000 }).toBeDefined();
    const service = find();
    if (service !== undefined) served.ports.replica?.runTask(service, "task2bbbbbbbbbbbbbbbbbbbb", 1);
    expect(await created).toContain("converged");
  }, 30_000);

  it("is told why when something can't be had", async () => {
    const secret = await dockerWith("x", "secret", "create", "s", "-");
    expect([secret.code, secret.stderr]).toEqual([1, expect.stringContaining("Murmur doesn't keep secrets yet")]);
    const log = await dockerWith("", "service", "logs", "nope");
    expect(log.code).not.toBe(0);
  });
});

describe("docker, through to the engine", () => {
  it("runs containers: output, errors, exit status", async () => {
    const script = "echo out; echo err >&2; exit 3";
    const { code, stdout, stderr } = await dockerWith(
      "",
      "run",
      "--rm",
      "--name",
      "murmur-api-test-run",
      IMAGE,
      "/bin/sh",
      "-c",
      script,
    );
    expect([code, stdout, stderr]).toEqual([3, "out\n", "err\n"]);
  });

  it("passes input on, all of it, and its end", async () => {
    const input = "0123456789abcdef".repeat(65_536);
    const { code, stdout } = await dockerWith(
      input,
      "run",
      "-i",
      "--rm",
      "--name",
      "murmur-api-test-cat",
      IMAGE,
      "/bin/cat",
    );
    expect([code, stdout === input]).toEqual([0, true]);
  });

  it("execs, follows logs and cancels", async () => {
    const name = "murmur-api-test-exec";
    await docker("run", "-d", "--name", name, IMAGE, "/bin/sh", "-c", "echo started; sleep 60");
    try {
      expect((await dockerWith("to exec", "exec", "-i", name, "/bin/cat")).stdout).toBe("to exec");
      const logs = spawn("docker", ["-H", `unix://${served.socketPath}`, "logs", "-f", name]);
      const first = await new Promise((resolve) => logs.stdout.once("data", resolve));
      expect(String(first)).toBe("started\n");
      logs.kill();
      expect((await dockerWith("", "exec", "no-such-container", "/bin/cat")).stderr).toContain("No such container");
    } finally {
      await docker("rm", "-f", name);
    }
  }, 30_000);

  it("builds images", async () => {
    const tag = "murmur-api-test:built";
    const child = await dockerWith(`FROM ${IMAGE}\nENV A=B\n`, "build", "-q", "-t", tag, "-");
    expect(child.code, child.stderr).toBe(0);
    expect(await docker("image", "inspect", tag, ...format("json .Config.Env"))).toContain("A=B");
    await docker("rmi", tag);
  }, 60_000);
});
