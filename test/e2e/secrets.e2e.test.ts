import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { PASSWORDS, Registry, REGISTRY, REGISTRY_USER } from "../hosts/registry.ts";
import { tasksOf, type TaskContainer } from "../hosts/task-container.ts";

/* Secrets and configs on real engines: from a file to the files of a service's containers, and away again. And logins. */

const OLD = "correct horse battery staple";
const NEW = "tr0ub4dor and three more words";
/** Where a host in a container keeps tasks' files: its own shared memory. */
const FILES = "/dev/shm/murmur";

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.of(3);
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** `printf %s TEXT | murmur …` on a host. */
const piped = (host: Host, text: string, line: string): Promise<string> =>
  host.ok("sh", "-c", `printf %s '${text}' | murmur ${line}`);

async function read(task: TaskContainer, path: string): Promise<string> {
  const { stdout, stderr } = await task.run("cat", path);
  return stdout === "" ? stderr : stdout;
}
/** Mode in octal, owner and group. */
const facts = async (task: TaskContainer, path: string): Promise<string> =>
  (await task.run("stat", "-c", "%a %u %g", path)).stdout.trim();

const filesOn = async (host: Host): Promise<readonly string[]> =>
  (await host.ok("sh", "-c", `find ${FILES} -type f 2>/dev/null || true`)).split("\n").filter((line) => line !== "");

describe("a service's secrets and configs", () => {
  it("are files with owner, mode and contents in its containers, templates filled in", async () => {
    const [one, two] = [cluster.first, cluster.host(1)];
    const id = await piped(one, OLD, "secret create --label team=shop key-1 -");
    expect(id).toMatch(/^[0-9a-z]{25}$/);
    const template = '{{.Service.Name}} {{.Task.Slot}} {{env "COLOR"}} {{secret "key"}}';
    await piped(two, template, "config create --template-driver golang site -");
    await two.murmur(
      ..."service create --name shop --replicas 3 --env COLOR=blue-{{.Task.Slot}}".split(" "),
      // However long a daemon takes to come back, its tasks are waited for; one that has ended is replaced at once.
      // And a process that was started a moment ago may not heed a signal yet: it has a second, not ten.
      ..."--on-node-loss replace-after=10m --restart-delay 0s --stop-grace-period 1s".split(" "),
      ..."--secret source=key-1,target=key,uid=103,gid=104,mode=0400 --secret key-1".split(" "),
      ..."--config source=site,target=/etc/site.conf".split(" "),
      WEB_IMAGE,
    );
    const tasks = await tasksOf(cluster.hosts, "shop");
    expect(tasks).toHaveLength(3);
    for (const task of tasks) {
      expect(await read(task, "/run/secrets/key")).toBe(OLD);
      expect(await facts(task, "/run/secrets/key")).toBe("400 103 104");
      expect(await facts(task, "/run/secrets/key-1")).toBe("444 0 0");
      expect(await read(task, "/etc/site.conf")).toBe(`shop ${task.slot} blue-${task.slot} ${OLD}`);
      const { code } = await task.run("sh", "-c", "echo x >/run/secrets/key");
      expect(code).not.toBe(0);
    }
    expect((await Promise.all(cluster.hosts.map(filesOn))).map((paths) => paths.length)).toEqual([3, 3, 3]);
  });

  it("are nowhere in clear: no answer, no log, no disk of any host", async () => {
    for (const host of cluster.hosts) {
      const shown = await Promise.all([
        host.murmur("secret", "inspect", "key-1"),
        host.murmur("secret", "ls", "--format", "json"),
        host.murmur("service", "inspect", "shop"),
        host.murmur("service", "ps", "shop", "--format", "json"),
      ]);
      const base64 = Buffer.from(OLD).toString("base64");
      for (const text of shown) for (const secret of [OLD, base64]) expect(text).not.toContain(secret);
      for (const secret of [OLD, base64]) {
        const found = await host.run(["grep", "-rlaF", secret, "/var/lib/murmur", "/var/log", "/var/lib/docker"]);
        expect(found.stdout).toBe("");
      }
      const backup = "murmur cluster backup /dev/shm/test.backup";
      if (host === cluster.first) {
        await host.ok("sh", "-c", backup);
        expect((await host.run(["grep", "-caF", OLD, "/dev/shm/test.backup"])).stdout.trim()).toBe("0");
        await host.ok("rm", "/dev/shm/test.backup");
      }
    }
  });

  it("outlive the daemon, and a container that somebody restarts", async () => {
    const [task] = await tasksOf([cluster.first], "shop");
    if (task === undefined) throw new Error("host1 has a task");
    await cluster.first.killMurmur();
    await eventually(
      "the daemon is back",
      () => cluster.first.client.ping().then(() => true),
      (up) => up,
    );
    // It answers before it listens to its engine: a task whose container is restarted in between runs on, with the new
    // process. A daemon that starts a container listens.
    const create = "service create --name listens --constraint node.hostname==host1 --stop-grace-period 0s";
    await cluster.first.murmur(...create.split(" "), WEB_IMAGE);
    await cluster.first.murmur("service", "rm", "listens");
    expect(await read(task, "/run/secrets/key")).toBe(OLD);
    // The task counts as ended all the same, and is replaced. Where the daemon was faster, its files are gone already, and
    // the engine can't start it any more.
    const { code, stderr } = await cluster.first.run(["docker", "restart", "-t", "0", task.id]);
    if (code !== 0) expect(stderr).toMatch(/OCI runtime create failed|No such container|marked for removal/);
    await eventually(
      "another task runs in its place",
      () => tasksOf(cluster.hosts, "shop"),
      (tasks) => tasks.length === 3 && tasks.every(({ id }) => id !== task.id),
    );
  });

  it("are rotated by an update, also by the docker command", async () => {
    await piped(cluster.host(2), NEW, "secret create key-2 -");
    const update = "service update --secret-rm key-1 --secret-add source=key-2,target=key,mode=0440 shop";
    await cluster.first.murmur(...update.split(" "));
    const tasks = await tasksOf(cluster.hosts, "shop");
    expect(tasks).toHaveLength(3);
    for (const task of tasks) {
      expect(await read(task, "/run/secrets/key")).toBe(NEW);
      expect(await facts(task, "/run/secrets/key")).toBe("440 0 0");
      expect(await read(task, "/etc/site.conf")).toBe(`shop ${task.slot} blue-${task.slot} ${NEW}`);
      expect(await read(task, "/run/secrets/key-1")).toContain("No such file");
    }
    await cluster.first.murmur("secret", "rm", "key-1");
    const used = await cluster.first.run(["docker", "-H", "unix:///run/murmur/docker.sock", "secret", "rm", "key-2"]);
    expect(used.stderr).toContain("secret 'key-2' is in use by the following service: shop");
  });

  it("go with the service: nothing is left on any host", async () => {
    await cluster.first.murmur("service", "rm", "shop");
    await eventually(
      "no files are left",
      async () => (await Promise.all(cluster.hosts.map(filesOn))).flat(),
      (paths) => paths.length === 0,
    );
    await cluster.first.murmur("secret", "rm", "key-2");
    await cluster.first.murmur("config", "rm", "site");
  });
});

describe("an image of a registry that wants a login", () => {
  const image = (tag: string): string => `${REGISTRY}/shop:${tag}`;
  let registry: Registry;
  beforeAll(async () => {
    registry = await Registry.start();
    await Promise.all(cluster.hosts.map((host) => registry.offerTo(host)));
    await registry.login(cluster.first, PASSWORDS[0]);
  });
  afterAll(() => registry[Symbol.asyncDispose]());

  /** Puts an image there that no host has under that name. */
  async function push(tag: string): Promise<void> {
    const { first } = cluster;
    await first.ok("sh", "-c", `printf 'FROM ${WEB_IMAGE}\nLABEL tag=${tag}\n' | docker build -q -t ${image(tag)} -`);
    await first.ok("docker", "push", image(tag));
    await first.ok("docker", "rmi", image(tag));
  }
  const pinned = async (name: string): Promise<string> => {
    const [service] = JSON.parse(await cluster.first.murmur("service", "inspect", name)) as readonly {
      Spec: { TaskTemplate: { ContainerSpec: { Image: string } } };
    }[];
    return service?.Spec.TaskTemplate.ContainerSpec.Image ?? "";
  };

  it("is pinned to its digest, and pulled by every node with the login of who made the service", async () => {
    await push("1");
    const create = "service create --name own --mode global --with-registry-auth --stop-grace-period 0s";
    await cluster.first.murmur(...create.split(" "), image("1"));
    expect(await tasksOf(cluster.hosts, "own")).toHaveLength(3);
    expect(await pinned("own")).toMatch(/^127\.0\.0\.1:5000\/shop:1@sha256:[0-9a-f]{64}$/);
    expect(await cluster.host(1).murmur("service", "ls")).toMatch(new RegExp(` ${image("1")} *$`, "m"));
  });

  it("is pulled with another login after an update with it, and without one with the login that there was", async () => {
    await registry.change(PASSWORDS[1]);
    await registry.login(cluster.first, PASSWORDS[1]);
    await push("2");
    const update = "service update --with-registry-auth --update-parallelism 0 --image";
    await cluster.first.murmur(...update.split(" "), image("2"), "own");
    expect(await pinned("own")).toContain(`${image("2")}@sha256:`);
    await push("3");
    const { code, stderr } = await cluster.host(1).run(["murmur", "service", "update", "--image", image("3"), "own"]);
    expect(stderr).toContain(`image ${image("3")} could not be accessed on a registry to record its digest.`);
    expect(code).toBe(0);
    expect(await pinned("own")).toBe(image("3"));
    expect(await tasksOf(cluster.hosts, "own")).toHaveLength(3);
  });

  it("leaves its login nowhere in clear", async () => {
    for (const host of cluster.hosts) {
      for (const password of PASSWORDS) {
        const login = Buffer.from(`${REGISTRY_USER}:${password}`).toString("base64");
        for (const text of [password, login, Buffer.from(`"password":"${password}"`).toString("base64")]) {
          const found = await host.run(["grep", "-rlaF", text, "/var/lib/murmur", "/var/log"]);
          expect(found.stdout).toBe("");
          expect(await host.murmur("service", "inspect", "own")).not.toContain(text);
        }
      }
    }
    await cluster.first.murmur("service", "rm", "own");
  });

  it("is the one that the node has when it can't be pulled, and service ps says so", async () => {
    await cluster.first.ok("docker", "tag", WEB_IMAGE, image("kept"));
    const lost = `${image("kept")}@sha256:${"0".repeat(64)}`;
    const create = "service create --name kept --constraint node.hostname==host1 --no-resolve-image";
    await cluster.first.murmur(...create.split(" "), lost);
    const ps = await cluster.host(1).murmur("service", "ps", "--no-trunc", "kept");
    expect(ps).toMatch(/Running .*"runs the image that the node has, pull failed: .+"/);
    await cluster.first.murmur("service", "rm", "kept");
  });
});

describe("devices and privileges", () => {
  it("are had where the node's administrator permits them, and nowhere else", async () => {
    const { first } = cluster;
    const create = "service create --name tun --device /dev/net/tun --stop-grace-period 0s";
    await first.murmur(...create.split(" "), "--no-resolve-image", WEB_IMAGE);
    const [task] = await tasksOf(cluster.hosts, "tun");
    expect((await task?.run("stat", "-c", "%F", "/dev/net/tun"))?.stdout.trim()).toBe("character special file");
    const update = await first.run("murmur service update --detach --privileged tun".split(" "));
    expect(update.code).toBe(0);
    await eventually(
      "the task waits, and says what for",
      () => first.murmur("service", "explain", "tun"),
      (text) => text.includes("privileged or device access not permitted on 3 nodes"),
      SOON,
    );
    await first.murmur("service", "rm", "tun");
  });
});
