import { execFile, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dockerCommand, type DockerResult } from "./testing/docker-command.ts";
import { NODE_ONE } from "./testing/memory-cluster.ts";
import { serveApi, type Served } from "./testing/served.ts";

/*
 * The real docker command against a served socket: a cluster in memory, and the machine's own engine behind it. Needs
 * the docker command, its engine at /var/run/docker.sock and a static busybox; fails where they are missing.
 */
const run = promisify(execFile);
/** The engine may have this file's other runs at the same time, and what one that was killed has left. */
const RUN = randomBytes(4).toString("hex");
const IMAGE = `murmur-api-test:${RUN}`;
const NETWORK = `murmur-api-test-${RUN}`;
const engineSocket = "/var/run/docker.sock";

let served: Served;
const started = new AsyncDisposableStack();
beforeAll(async () => {
  served = started.use(await serveApi({ socketPath: engineSocket }));
  for (const words of [
    ["rmi", "-f", IMAGE],
    ["network", "rm", NETWORK],
  ])
    started.defer(() => dockerCommand(["-H", `unix://${engineSocket}`, ...words]).then(() => {}));
  await makeImage();
}, 120_000);
afterAll(() => started.disposeAsync(), 120_000);

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

/** Most of what a stack's services may say, in the words that a docker command of 2020 knows. */
const COMPOSE = `
version: "3.8"
services:
  web:
    image: nginx:1.25
    ports: ["8480:80"]
    environment: { MODE: production }
    networks: [default, back]
    configs: [{ source: motd, target: /etc/motd, mode: 0440 }]
    secrets: [password]
    depends_on: [db]
    healthcheck: { test: [CMD, "true"], interval: 5s, timeout: 2s, retries: 2, start_period: 3s }
    stop_grace_period: 20s
    init: true
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    sysctls: { net.core.somaxconn: "1024" }
    ulimits: { nofile: { soft: 100, hard: 200 } }
    logging: { driver: json-file, options: { max-size: 1m } }
    extra_hosts: ["elsewhere:192.0.2.1"]
    dns: [192.0.2.53]
    volumes: ["data:/data", "/etc:/host:ro", { type: tmpfs, target: /scratch, tmpfs: { size: 65536 } }]
    deploy:
      replicas: 3
      labels: { team: web }
      update_config: { parallelism: 2, delay: 10s, order: start-first, failure_action: rollback }
      rollback_config: { parallelism: 1 }
      restart_policy: { condition: on-failure, delay: 5s, max_attempts: 3, window: 120s }
      resources:
        limits: { cpus: "0.5", memory: 50M }
        reservations: { cpus: "0.1", memory: 20M }
      placement:
        constraints: ["node.role==worker"]
        preferences: [{ spread: node.labels.zone }]
        max_replicas_per_node: 2
  db:
    image: postgres:16
    deploy: { mode: global }
    networks: { back: { aliases: [database] } }
networks: { back: {} }
volumes: { data: {} }
configs: { motd: { file: ./motd } }
secrets: { password: { file: ./motd } }
`;

/** Runs docker against the served socket, with this for its input, whatever it ends with. */
const dockerWith = (input: string, ...args: string[]): Promise<DockerResult> =>
  dockerCommand(["-H", `unix://${served.socketPath}`, ...args], input);

/** Runs docker; its output, when it succeeds. */
async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await dockerWith("", ...args);
  expect(code, stderr).toBe(0);
  return stdout.trim();
}

/** Makes a network of the engine's; its subnet, which is one that nothing else on this machine has. */
async function localNetwork(name = NETWORK): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const subnet = `10.213.${String(randomInt(256))}.${String(16 * randomInt(16))}/28`;
    const made = await dockerWith("", "network", "create", "--driver", "bridge", "--subnet", subnet, name);
    if (made.code === 0) return subnet;
    if (tries === 20 || !made.stderr.includes("Pool overlaps with other one on this address space"))
      expect.fail(made.stderr);
  }
}

const format = (...fields: string[]): string[] => ["--format", fields.map((field) => `{{${field}}}`).join(" ")];

describe("Docker's Python SDK", () => {
  it("finds a swarm, and changes, makes, lists and removes all that it has words for", async () => {
    const script = join(import.meta.dirname, "testing/sdk.py");
    const { stdout } = await run("python3", [script, served.socketPath]);
    expect(stdout.trim()).toBe("1.47");
  });
});

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
    const service = served.ports.replica?.store.view.serviceByName("web");
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
    const subnet = await localNetwork();
    expect(await docker("network", "inspect", NETWORK, ...format(".Scope", "(index .IPAM.Config 0).Subnet"))).toBe(
      `local ${subnet}`,
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
    await docker("network", "rm", NETWORK, "back");
    const gone = await dockerWith("", "network", "inspect", "back");
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining("back not found")]);
    const refused = await dockerWith("", "network", "create", "-d", "overlay", "--opt", "encrypted", "x");
    expect(refused.stderr).toContain("Murmur doesn't encrypt");
  });

  it.each([
    ["secret", ["ls", "--format", "{{.Name}} {{.Driver}}|"]],
    ["config", ["ls", "--format", "{{.Name}}|"]],
  ])("keeps %ss", async (kind, list) => {
    const made = await dockerWith(
      "hunter2",
      kind,
      "create",
      "--label",
      "a=b",
      "--template-driver",
      "golang",
      "key",
      "-",
    );
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const id = made.stdout.trim();
    expect(id).toMatch(/^[0-9a-z]{25}$/);
    expect((await docker(kind, ...list)).replace(" |", "|")).toBe("key|");
    expect(await docker(kind, "ls", "--quiet", "--filter", "label=a=b", "--filter", "name=k")).toBe(id);
    const shown = await docker(kind, "inspect", "key", ...format(".ID", ".Spec.Name", ".Spec.Labels.a"));
    expect(shown).toBe(`${id} key b`);
    expect(await docker(kind, "inspect", "--pretty", "key")).toContain("a=b");
    const twice = await dockerWith("x", kind, "create", "key", "-");
    expect([twice.code, twice.stderr]).toEqual([1, expect.stringContaining(`${kind} key already exists`)]);
    const empty = await dockerWith("", kind, "create", "empty", "-");
    expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining("data is empty")]);
    const name = await dockerWith("x", kind, "create", "-x-", "-");
    expect(name.code).not.toBe(0);
    await docker(kind, "rm", "key");
    const gone = await dockerWith("", kind, "inspect", "key");
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringMatching(new RegExp(`${kind}:? key`, "i"))]);
  });

  it("gives services their secrets and configs, in all forms", async () => {
    for (const name of ["one", "two"]) {
      await dockerWith(name, "secret", "create", name, "-");
      await dockerWith(name, "config", "create", name, "-");
    }
    const create = ["service", "create", "--detach", "--no-resolve-image", "--name", "keeper"];
    const file = "source=one,target=/etc/one,uid=103,gid=104,mode=0440";
    await docker(...create, "--secret", "one", "--config", file, "nginx");
    const container = ".Spec.TaskTemplate.ContainerSpec";
    const all = (kind: string): string =>
      `{{range ${container}.${kind}s}}{{.${kind}Name}} {{.File.Name}} {{.File.UID}} {{.File.GID}} {{.File.Mode}};{{end}}`;
    const inspect = async (): Promise<string[]> => [
      await docker("service", "inspect", "keeper", "--format", all("Secret")),
      await docker("service", "inspect", "keeper", "--format", all("Config")),
    ];
    expect(await inspect()).toEqual(["one one 0 0 -r--r--r--;", "one /etc/one 103 104 -r--r-----;"]);
    const used = await dockerWith("", "secret", "rm", "one");
    expect(used.stderr).toContain("secret 'one' is in use by the following service: keeper");
    await docker(
      "service",
      "update",
      "--detach",
      "--no-resolve-image",
      "--secret-rm",
      "one",
      "--secret-add",
      "source=two,target=one",
      "keeper",
    );
    await docker(
      "service",
      "update",
      "--detach",
      "--no-resolve-image",
      "--config-rm",
      "one",
      "--config-add",
      "two",
      "keeper",
    );
    expect(await inspect()).toEqual(["two one 0 0 -r--r--r--;", "two two 0 0 -r--r--r--;"]);
    await docker("secret", "rm", "one");
    const missing = await dockerWith("", ...create.slice(0, -1), "other", "--secret", "one", "nginx");
    expect(missing.stderr).toContain("secret not found: one");
    await docker("service", "rm", "keeper");
    await docker("secret", "rm", "two");
    await docker("config", "rm", "one", "two");
  });

  it("waits for a service until it has converged", async () => {
    const args = ["service", "create", "--no-resolve-image", "--name", "quick", "nginx"];
    const created = docker(...args);
    const find = () => served.ports.replica?.store.view.serviceByName("quick");
    await expect.poll(find, { timeout: 60_000 }).toBeDefined();
    const service = find();
    if (service !== undefined) served.ports.replica?.runTask(service, "task2bbbbbbbbbbbbbbbbbbbb", 1);
    expect(await created).toContain("converged");
  }, 120_000);

  it("is told why when something can't be had", async () => {
    const log = await dockerWith("", "service", "logs", "nope");
    expect(log.code).not.toBe(0);
  });

  it("deploys, shows and removes a stack", async () => {
    const folder = await mkdtemp(join(tmpdir(), "murmur-api-stack-"));
    const file = join(folder, "compose.yaml");
    await writeFile(join(folder, "motd"), "hello\n");
    await writeFile(file, COMPOSE);
    const deploy = (): Promise<string> =>
      docker("stack", "deploy", "--compose-file", file, "--resolve-image", "never", "shop");
    const versions = (): readonly unknown[] =>
      served.ports.replica?.store.view.services().map(({ spec, specVersion }) => [spec.name, specVersion]) ?? [];

    await deploy();
    expect(await docker("stack", "ls", ...format(".Name", ".Services"))).toBe("shop 2");
    const shown = await docker(
      "stack",
      "services",
      "shop",
      ...format(".Name", ".Mode", ".Replicas", ".Image", ".Ports"),
    );
    expect(shown.split("\n").toSorted()).toEqual([
      "shop_db global 0/0 postgres:16 ",
      "shop_web replicated 0/3 (max 2 per node) nginx:1.25 *:8480->80/tcp",
    ]);
    expect((await dockerWith("", "stack", "ps", "shop")).stderr).toContain("nothing found in stack: shop");
    const names = async (what: string): Promise<string> =>
      docker(what, "ls", "--filter", "label=com.docker.stack.namespace=shop", ...format(".Name"));
    expect(await names("secret")).toBe("shop_password");
    expect(await names("config")).toBe("shop_motd");
    expect((await names("network")).split("\n").toSorted()).toEqual(["shop_back", "shop_default"]);

    const before = versions();
    expect(await deploy()).toContain("Updating service shop_web");
    expect(versions(), "deploying the same file again replaces nothing").toEqual(before);
    await writeFile(file, COMPOSE.replace("nginx:1.25", "nginx:1.26"));
    await deploy();
    expect(versions()).not.toEqual(before);

    await docker("stack", "rm", "shop");
    for (const what of ["secret", "config", "network"]) expect(await names(what), what).toBe("");
    await rm(folder, { recursive: true });
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
      `murmur-api-test-run-${RUN}`,
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
      `murmur-api-test-cat-${RUN}`,
      IMAGE,
      "/bin/cat",
    );
    expect([code, stdout === input]).toEqual([0, true]);
  });

  it("execs, follows logs and cancels", async () => {
    const name = `murmur-api-test-exec-${RUN}`;
    await docker("run", "-d", "--name", name, IMAGE, "/bin/sh", "-c", "echo started; sleep 600");
    try {
      expect((await dockerWith("to exec", "exec", "-i", name, "/bin/cat")).stdout).toBe("to exec");
      const logs = spawn("docker", ["-H", `unix://${served.socketPath}`, "logs", "-f", name]);
      const closed = once(logs, "close");
      let said = "";
      for await (const piece of logs.stdout) if ((said += String(piece)).includes("\n")) break;
      expect(said).toBe("started\n");
      logs.kill();
      await closed;
      expect((await dockerWith("", "exec", "no-such-container", "/bin/cat")).stderr).toContain("No such container");
    } finally {
      await docker("rm", "-f", name);
    }
  }, 180_000);

  it("gets what it promises, however old the engine is", async () => {
    const label = `murmur-promise=${RUN}`;
    const named = (what: string): string => `murmur-api-test-${what}-${RUN}`;
    const [volume, front, back, both] = [named("kept"), named("front"), named("back"), named("both")];
    try {
      await docker("volume", "create", "--label", label, volume);
      const prune = ["volume", "prune", "--force", "--filter", `label=${label}`];
      expect(await docker(...prune)).not.toContain(volume);
      expect(await docker(...prune, "--all")).toContain(volume);

      await localNetwork(front);
      await localNetwork(back);
      expect((await dockerWith("", "network", "create", front)).stderr).toContain(`${front} already exists`);
      const mac = "02:42:ac:00:00:99";
      const networks = ["--network", `name=${front},mac-address=${mac}`, "--network", back];
      await docker("create", "--name", both, ...networks, IMAGE, "sleep", "600");
      await docker("start", both);
      const inspected = await docker("inspect", ...format("json .NetworkSettings.Networks"), both);
      expect(JSON.parse(inspected)).toMatchObject({ [front]: { MacAddress: mac }, [back]: {} });
    } finally {
      await dockerWith("", "rm", "--force", both);
      await dockerWith("", "network", "rm", front, back);
      await dockerWith("", "volume", "rm", "--force", volume);
    }
  });

  it("builds images", async () => {
    const tag = `murmur-api-test:built-${RUN}`;
    const child = await dockerWith(`FROM ${IMAGE}\nENV A=B\n`, "build", "-q", "-t", tag, "-");
    expect(child.code, child.stderr).toBe(0);
    expect(await docker("image", "inspect", tag, ...format("json .Config.Env"))).toContain("A=B");
    await docker("rmi", tag);
  }, 120_000);
});
