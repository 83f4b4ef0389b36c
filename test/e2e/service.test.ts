import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, echo } from "../hosts/requests.ts";
import { firstAnswer, isEmpty, isPartOf } from "../hosts/first-answer.ts";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { tasksOf } from "../hosts/task-container.ts";
import { GENERIC, itPlaces } from "./placement.ts";

interface TaskRow {
  readonly Name: string;
  readonly Node: string;
  readonly DesiredState: string;
  readonly CurrentState: string;
  readonly Error: string;
}

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.of(3, { generic: GENERIC });
});
afterAll(() => cluster[Symbol.asyncDispose]());

const ps = (host: Host, service: string): Promise<readonly TaskRow[]> => host.json("service", "ps", service);
const isRunning = (task: TaskRow): boolean =>
  task.DesiredState === "Running" && task.CurrentState.startsWith("Running");
/** The tasks that run, as many as a command that has waited for them has left. */
async function running(host: Host, service: string, count: number): Promise<readonly TaskRow[]> {
  const tasks = (await ps(host, service)).filter(isRunning);
  expect(tasks).toHaveLength(count);
  return tasks;
}
/** What the tasks behind a published port answered to so many requests through one host; "" where nobody did. */
async function answers(host: Host, port: number, requests = 30): Promise<readonly string[]> {
  const pages: string[] = [];
  for (let count = 0; count < requests; count += 1) pages.push(await ask(host, port).catch(() => ""));
  return pages;
}
/** A published port of a host leads to all tasks of a service, or to its own alone, as soon as it has heard of them. */
async function leads(host: Host, port: number, service: string, on: readonly Host[] = cluster.hosts): Promise<void> {
  const names = (await tasksOf(on, service)).map(({ id }) => id.slice(0, 12)).toSorted();
  const what = `${host.name}'s port ${String(port)} leads to ${service}`;
  const pages = await firstAnswer(what, () => answers(host, port), isPartOf(names));
  expect([...new Set(pages)].toSorted()).toEqual(names);
}

/** Requests to every host in turn while something is done; those that got no answer. */
async function missedDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
  const missed: string[] = [];
  let isOver = false;
  const asking = (async () => {
    for (let count = 0; !isOver; count += 1)
      await ask(cluster.hosts[count % 3] ?? cluster.first, 80).catch((error: unknown) => missed.push(String(error)));
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await asking;
  }
  return missed;
}

describe("a service on three hosts", () => {
  it("is created, spread, limited, and answers on its published port through every host", async () => {
    const created = await cluster.first.run([
      ..."murmur service create --name web --replicas 3 --publish 80:8080 --limit-cpu 0.5 --limit-memory 64M".split(
        " ",
      ),
      "--env",
      "GREETING=hello",
      "--label",
      "team=shop",
      "--constraint",
      "node.platform.os==linux",
      WEB_IMAGE,
    ]);
    // There is no registry to ask for the image's digest.
    expect(created.stderr).toMatch(/^murmur: warning: image \S+ could not be accessed on a registry .*\n$/);
    expect(created.code).toBe(0);
    const tasks = await running(cluster.first, "web", 3);
    expect(new Set(tasks.map(({ Node }) => Node)).size).toBe(3);
    for (const host of cluster.hosts) await leads(host, 80, "web");
    const [container] = await cluster.first.containers();
    const limits = await cluster.first.ok(
      "docker",
      "inspect",
      "--format",
      "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}",
      container ?? "",
    );
    expect(limits).toBe(`${String(64 * 1024 * 1024)} 500000000`);
  });

  it("answers its name on every host, and says so when there is no such name", async () => {
    const addresses = cluster.hosts.map(({ address }) => address).toSorted();
    for (const host of cluster.hosts) {
      const look = async (): Promise<readonly string[]> => (await host.resolve("web.murmur.internal")).toSorted();
      expect(await firstAnswer(`${host.name} names web`, look, isPartOf(addresses))).toEqual(addresses);
      expect(await host.resolve("tasks.web.default.murmur.internal")).toHaveLength(3);
      expect(await host.resolve("nobody.murmur.internal")).toEqual([]);
    }
  });

  it("is scaled up and down through any host", async () => {
    await cluster.host(2).murmur("service", "scale", "web=7");
    await running(cluster.host(1), "web", 7);
    await cluster.host(1).murmur("service", "scale", "web=3");
    await running(cluster.first, "web", 3);
    await eventually(
      "three containers are left",
      async () => (await Promise.all(cluster.hosts.map((host) => host.containers()))).flat().length,
      (count) => count === 3,
    );
  });

  it("refuses a name and a port that are taken, and says who has them", async () => {
    const name = await cluster.first.run(["murmur", "service", "create", "--name", "web", "--detach", WEB_IMAGE]);
    expect(name.code).not.toBe(0);
    expect(name.stderr).toContain("web");
    const port = await cluster.first.run([
      "murmur",
      "service",
      "create",
      "--name",
      "other",
      "--publish",
      "80:8080",
      "--detach",
      WEB_IMAGE,
    ]);
    expect(port.code).not.toBe(0);
    expect(port.stderr).toMatch(/port '80'.*web/);
    await cluster
      .host(1)
      .ok("docker", "run", "-d", "--rm", "--name", "squatter", "--network", "host", "--env", "PORT=8099", WEB_IMAGE);
    await eventually(
      "the port is held",
      () => ask(cluster.host(1), 8099),
      (name) => name !== "",
    );
    // A node that doesn't answer within half a second is not waited for: it may be asked again.
    const create = "service create --name other --publish 8099:8080 --detach".split(" ");
    const held = await eventually(
      "its node says so",
      async () => {
        const outcome = await cluster.first.run(["murmur", ...create, WEB_IMAGE]);
        if (outcome.code === 0) await cluster.first.murmur("service", "rm", "other");
        return outcome;
      },
      ({ code }) => code !== 0,
      SOON,
    );
    expect(held.stderr).toMatch(/8099.*host2/);
    await cluster.host(1).ok("docker", "kill", "squatter");
  });

  it("says why a task can't be placed or started", async () => {
    await cluster.first.murmur(
      "service",
      "create",
      "--name",
      "huge",
      "--reserve-memory",
      "4096G",
      "--detach",
      WEB_IMAGE,
    );
    const [huge] = await eventually(
      "a reason",
      () => ps(cluster.first, "huge"),
      ([task]) => (task?.Error ?? "") !== "",
      SOON,
    );
    expect(huge?.Error).toMatch(/insufficient resources on 3 nodes/);
    const why = await cluster.host(2).murmur("service", "explain", "huge");
    expect(why).toContain("huge: 0 of 1 tasks run\n");
    expect(why).toMatch(/^resources +3 +insufficient resources on 3 nodes$/m);
    expect(why).toMatch(/^Closest: node host[123]: \d+(\.\d)? MiB of memory short$/m);
    const absent = await cluster.first.run(
      ["murmur", "service", "create", "--name", "absent", "nobody.invalid/nothing:1"],
      { timeoutMs: 90_000 },
    );
    expect(absent.code).not.toBe(0);
    expect(absent.stderr + absent.stdout).toMatch(/nobody\.invalid|No such image|no such host/i);
    await cluster.first.murmur("service", "rm", "huge", "absent");
  });

  itPlaces(() => cluster);

  it("is updated task by task", async () => {
    await cluster.first.murmur("service", "update", "--env-add", "GREETING=goodbye", "web");
    await running(cluster.first, "web", 3);
    const [container] = await cluster.first.containers();
    expect(await cluster.first.ok("docker", "inspect", "--format", "{{.Config.Env}}", container ?? "")).toContain(
      "GREETING=goodbye",
    );
  });

  it("is stopped with all that it is, also by the docker command's leave, and started again", async () => {
    const docker = (...args: string[]): Promise<string> =>
      cluster.first.ok("docker", "-H", "unix:///run/murmur/docker.sock", ...args);
    const containers = async () => (await Promise.all(cluster.hosts.map((host) => host.containers()))).flat();
    const counts = (): Promise<string> => docker("service", "ls", "--filter", "name=web", "--format", "{{.Replicas}}");
    await cluster.host(1).murmur("service", "stop", "web");
    expect(await containers()).toEqual([]);
    expect(await counts()).toBe("0/0");
    await docker("service", "update", "--detach", "--label-add", "seen=docker", "web");
    expect(await cluster.first.murmur("service", "explain", "web")).toContain("murmur service start web");
    expect(await cluster.first.murmur("service", "ls")).toMatch(/web .* 0\/0 \(stopped\)/);
    await cluster.host(2).murmur("service", "start", "web");
    await running(cluster.first, "web", 3);
    await leads(cluster.first, 80, "web");
    const before = await containers();
    await cluster.first.murmur("service", "restart", "web");
    await running(cluster.first, "web", 3);
    for (const id of await containers()) expect(before).not.toContain(id);
  });

  it("keeps tasks with their volumes, and says what stayed behind", async () => {
    const home = cluster.host(1);
    expect(await cluster.first.murmur("volume", "create", "--node", home.name, "db-1")).toBe("db-1");
    const mount = "type=volume,source={{.Service.Name}}-{{.Task.Slot}},target=/data";
    await cluster.first.murmur("service", "create", "--name", "db", "--mount", mount, WEB_IMAGE);
    expect((await running(cluster.first, "db", 1))[0]?.Node).toBe(home.name);
    expect(await cluster.host(2).murmur("volume", "ls")).toMatch(/^local +db-1 +host2$/m);
    const used = await cluster.host(2).run(["murmur", "volume", "rm", "db-1"]);
    expect(used.stderr).toMatch(/volume is in use on node host2 by db\.1\./);
    await cluster.first.murmur("node", "update", "--availability", "drain", home.name);
    const moved = await eventually(
      "it runs elsewhere",
      async () => (await ps(cluster.first, "db")).filter(isRunning),
      (tasks) => tasks.length === 1 && tasks[0]?.Node !== home.name,
    );
    expect(moved).toHaveLength(1);
    expect(await cluster.first.murmur("task", "explain", "db.1")).toContain("its volume db-1 stayed on node host2");
    const said = await cluster.first.run(["murmur", "service", "ps", "db"]);
    expect(said.stderr).toContain("db.1: volume db-1 stayed on node host2");
    await cluster.first.murmur("node", "update", "--availability", "active", home.name);
    await cluster.first.murmur("service", "rm", "db");
    // Until the containers are gone, the engines keep the volumes.
    for (const { name } of cluster.hosts) {
      await eventually(
        `the volume on ${name} is gone`,
        () => cluster.first.run(["murmur", "volume", "rm", "--force", "--node", name, "db-1"]),
        ({ code }) => code === 0,
      );
    }
    await eventually(
      "no volume is left",
      () => cluster.first.murmur("volume", "ls", "--quiet"),
      (names) => names === "",
    );
  });

  it("carries UDP through every host", async () => {
    // The task borrows the host's perl: the test's image has no program that answers datagrams.
    const program =
      'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 5353, Proto => "udp"); while (1) { my $from = $s->recv(my $said, 2048); $s->send($said, 0, $from); }';
    const borrowed = ["/usr", "/lib", "/lib64"].flatMap((path) => [
      "--mount",
      `type=bind,source=${path},target=${path},readonly`,
    ]);
    await cluster.first.murmur(
      ..."service create --name echo --replicas 2 --publish 5353:5353/udp --stop-grace-period 0s".split(" "),
      ...borrowed,
      "--entrypoint",
      "/usr/bin/perl",
      WEB_IMAGE,
      "-e",
      program,
    );
    await running(cluster.first, "echo", 2);
    for (const host of cluster.hosts) {
      const look = (): Promise<string> => echo(host, 5353, "ping").catch(() => "");
      expect(await firstAnswer(`${host.name} echoes`, look, isEmpty)).toBe("ping");
    }
    await cluster.first.murmur("service", "rm", "echo");
  });

  it("moves away from a node that is drained, and stays away", async () => {
    await cluster.first.murmur("node", "update", "--availability", "drain", "host3");
    const tasks = await eventually(
      "host3 is empty",
      () => ps(cluster.first, "web"),
      (rows) => rows.filter(isRunning).length === 3 && rows.filter(isRunning).every(({ Node }) => Node !== "host3"),
    );
    expect(tasks.filter(isRunning)).toHaveLength(3);
    await cluster.first.murmur("node", "update", "--availability", "active", "host3");
  });

  it("is moved to a node that is free again, and misses no answer", async () => {
    const rebalance = ["service", "rebalance", "web"];
    // The restart before counts as an update until the last of its tasks has been watched for a while.
    const [planned] = await eventually(
      "web has been watched, for 5 s, and is not being updated any more",
      () => cluster.first.json<readonly { Name: string; To: string }[]>(...rebalance, "--dry-run"),
      () => true,
    );
    expect(planned).toMatchObject({ To: "host3" });
    expect((await ps(cluster.first, "web")).filter(isRunning).map(({ Node }) => Node)).not.toContain("host3");
    const missed = await missedDuring(async () => {
      expect(await cluster.host(1).murmur(...rebalance)).toMatch(/^web\.\d +host[12] +host3$/m);
      await eventually(
        "each host has one",
        () => ps(cluster.first, "web"),
        (rows) => {
          const wanted = rows.filter(({ DesiredState }) => DesiredState === "Running");
          return wanted.every(isRunning) && new Set(wanted.map(({ Node }) => Node)).size === 3 && wanted.length === 3;
        },
      );
    });
    expect(missed).toEqual([]);
    expect(await cluster.first.murmur(...rebalance)).toContain("Nothing to move");
  });

  it("leaves a node that is drained with a deadline, and misses no answer", async () => {
    const drained = cluster.host(1);
    const missed = await missedDuring(async () => {
      const { code, stdout } = await cluster.first.run(
        [..."murmur node update --availability drain --wait --deadline 2m".split(" "), drained.name],
        { timeoutMs: 90_000 },
      );
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/verify: Node host2 has no task left\n$/),
      });
    });
    expect(missed).toEqual([]);
    const tasks = (await ps(cluster.first, "web")).filter(isRunning);
    expect(tasks.filter(({ Node }) => Node !== drained.name)).toHaveLength(3);
    expect(await drained.containers()).toEqual([]);

    // Nobody else may take what is left: it is said, and stopped at the deadline.
    for (const name of ["host1", "host3"])
      await cluster.first.murmur("node", "update", "--availability", "pause", name);
    await cluster.first.murmur("node", "update", "--availability", "active", drained.name);
    await cluster.first.murmur("service", "scale", "--detach", "web=4");
    await eventually(
      "four tasks run",
      () => ps(cluster.first, "web"),
      (rows) => rows.filter(isRunning).length === 4,
    );
    const cut = await cluster.first.run(
      [..."murmur node update --availability drain --wait --deadline 5s".split(" "), drained.name],
      { timeoutMs: 90_000 },
    );
    expect(cut.code).toBe(1);
    expect(cut.stderr).toMatch(
      /stopped at the deadline, before their replacements ran: 1\n +web\.\d: .* not available/,
    );
    for (const { name } of cluster.hosts)
      await cluster.first.murmur("node", "update", "--availability", "active", name);
    await cluster.first.murmur("service", "scale", "web=3");
    await running(cluster.first, "web", 3);
  });

  it("is an ordinary swarm service to the docker command", async () => {
    const docker = (...args: string[]): Promise<string> =>
      cluster.first.ok("docker", "-H", "unix:///run/murmur/docker.sock", ...args);
    expect(await docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}")).toContain("web 3/3");
    expect(await docker("node", "ls", "--format", "{{.Hostname}}")).toContain("host2");
  });

  it("has ports with options, which the docker command leaves as they are", async () => {
    const [one, two] = [cluster.first, cluster.host(1)];
    const local = "published=8086,target=8080,balancing=round-robin,local-first=true";
    const bound = ["--publish", `${two.address}:8085:8080`, "--publish", local];
    await one.murmur(..."service create --name bound --mode global".split(" "), ...bound, WEB_IMAGE);
    await running(one, "bound", 3);
    await leads(two, 8085, "bound");
    await expect(ask(one, 8085)).rejects.toThrow();
    for (const host of cluster.hosts) await leads(host, 8086, "bound", [host]);
    const beside = ["service", "create", "--name", "beside", "--detach", "--publish"];
    const taken = await one.run(["murmur", ...beside, `${two.address}:8085:8080`, WEB_IMAGE]);
    expect([taken.code === 0, taken.stderr]).toEqual([
      false,
      expect.stringContaining("already in use by service 'bound'"),
    ]);
    await one.murmur(...beside, `${one.address}:8085:8080`, WEB_IMAGE);
    const [beside1] = await eventually(
      "its task runs",
      () => tasksOf(cluster.hosts, "beside"),
      (found) => found.length === 1,
    );
    const look = (): Promise<string> => ask(one, 8085).catch(() => "");
    const page = await firstAnswer("the same number on another address answers", look, isEmpty);
    expect(page).toBe(beside1?.id.slice(0, 12));
    await one.ok(
      ..."docker -H unix:///run/murmur/docker.sock service update --detach --label-add a=b bound".split(" "),
    );
    const shown = await one.murmur("service", "inspect", "--pretty", "bound");
    expect(shown).toContain("a=b");
    expect(shown).toContain(`${two.address}:8085 → 8080/tcp (ingress)`);
    expect(shown).toContain("8086 → 8080/tcp (ingress, round-robin, local first)");
    await one.murmur("service", "rm", "bound", "beside");
  });

  it("goes away, and leaves nothing behind", async () => {
    await cluster.host(1).murmur("service", "rm", "web");
    await eventually(
      "no containers are left",
      async () =>
        (
          await Promise.all(
            cluster.hosts.map((host) => host.ok("docker", "ps", "-aq", "--filter", "label=com.docker.swarm.task.id")),
          )
        ).join(""),
      (text) => text === "",
    );
    expect(await cluster.first.json("service", "ls")).toEqual([]);
    await expect(ask(cluster.first, 80)).rejects.toThrow();
  });
});
