import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "../hosts/command-runner.ts";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { CLIENT_IMAGE, HostCluster } from "../hosts/host-cluster.ts";

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.of(4, { images: [CLIENT_IMAGE] });
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** A service whose tasks write what a shell script says, and then stay. */
async function create(name: string, script: string, ...flags: readonly string[]): Promise<void> {
  const command = ["sh", "-c", `${script}; exec sleep 1d`];
  await cluster.first.murmur(
    "service",
    "create",
    "--name",
    name,
    ...flags,
    "--entrypoint",
    "",
    CLIENT_IMAGE,
    ...command,
  );
}
const lines = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

/** This machine's own docker command, against a host's API. */
function docker(host: Host, ...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 256 * 1024 * 1024, timeout: 60_000 };
    execFile("docker", ["-H", `unix://${host.socket}`, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
}

/** A command that goes on; `said` is what it has written so far. */
function follow(
  host: Host,
  ...args: readonly string[]
): Disposable & { readonly said: () => string; readonly child: ChildProcess } {
  const child = spawn("docker", ["-H", `unix://${host.socket}`, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const output of [child.stdout, child.stderr]) output.on("data", (bytes: Buffer) => (said += bytes.toString()));
  return { child, said: () => said, [Symbol.dispose]: () => void child.kill() };
}

/** Resident memory of a host's daemon, in MiB. */
async function memory(host: Host): Promise<number> {
  const text = await host.ok("sh", "-c", "grep VmRSS /proc/$(cat /run/murmur-node/murmur.pid)/status");
  return Number(/\d+/.exec(text)?.[0]) / 1024;
}

describe("logs over four hosts", () => {
  it("are those of all tasks, whole and in the order of time, through every host", async () => {
    const script =
      "echo trouble >&2; sleep 1; i=0; while [ $i -lt 500 ]; do echo line $i of $(hostname); i=$((i+1)); done";
    // One that its host is cut off with is waited for: another one would have lines of its own.
    await create("web", script, "--replicas", "4", "--on-node-loss", "wait");
    for (const host of cluster.hosts) {
      const shown = await eventually(
        "all is there",
        () => host.run(["murmur", "service", "logs", "--timestamps", "web"]),
        ({ stdout, stderr }) => lines(stdout).length === 2_000 && lines(stderr).length === 4,
      );
      const times = lines(shown.stdout).map((line) => line.split(" ", 1)[0] ?? "");
      expect(times).toEqual(times.toSorted());
      expect(new Set(lines(shown.stdout).map((line) => line.split(" ")[1])).size).toBe(4);
      expect(lines(shown.stdout)[0]).toMatch(/^\S+Z web\.\d\.[a-z0-9]{12}@host\d {4}\| line \d+ of [0-9a-f]{12}$/);
      expect(lines(shown.stderr)[0]).toMatch(/\| trouble$/);
    }
    const tail = await cluster.first.murmur("service", "logs", "--tail", "2", "--no-task-ids", "web");
    expect(lines(tail)).toHaveLength(8);
    expect(tail).toMatch(/^web\.\d@host\d {4}\| line 499 of /m);
    const raw = await cluster.first.murmur("service", "logs", "--raw", "--tail", "2", "web");
    expect(lines(raw)[0]).toMatch(/^line 49[89] of /);
  });

  it("are the same to the docker command", async () => {
    for (const host of cluster.hosts) {
      const { code, stdout, stderr } = await docker(host, "service", "logs", "--timestamps", "web");
      expect([code, lines(stdout).length, lines(stderr).length]).toEqual([0, 2_000, 4]);
      expect(lines(stdout)[0]).toMatch(/^\S+Z web\.\d\.[a-z0-9]{12}@host\d {4}\| line \d+ of /);
    }
    const ids = lines((await docker(cluster.first, "service", "ps", "-q", "--no-trunc", "web")).stdout);
    const one = await docker(cluster.host(3), "service", "logs", ids[0] ?? "");
    expect([one.code, lines(one.stdout).length]).toEqual([0, 500]);
    const task = await cluster.host(3).murmur("task", "logs", "--since", "1h", ids[0] ?? "");
    expect(lines(task)).toHaveLength(500);
    const unknown = await docker(cluster.first, "service", "logs", "nothing");
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("no such task or service: nothing")]);
  });

  it("of a terminal are its bytes", async () => {
    await create("term", "echo one; echo two", "--tty");
    const shown = await eventually(
      "it has written",
      () => docker(cluster.host(1), "service", "logs", "--raw", "term"),
      ({ stdout }) => lines(stdout).length === 2,
    );
    expect(shown.stdout).toBe("one\r\ntwo\r\n");
    expect((await docker(cluster.first, "service", "logs", "term")).stderr).toContain("only supported with --raw");
    await cluster.first.murmur("service", "rm", "term");
  });

  it("are followed, tasks that start later too, and nothing stays when the reader goes", async () => {
    const ticking = "while true; do echo tick; sleep 0.2; done";
    await create("ticks", ticking, "--replicas", "1", "--on-node-loss", "wait");
    const quiet = await quietStreams();
    using followed = follow(cluster.first, "service", "logs", "--follow", "ticks");
    const speakers = (): number => new Set(followed.said().match(/ticks\.\d+\.[a-z0-9]+@host\d/g)).size;
    await eventually(
      "the first task ticks",
      async () => speakers(),
      (count) => count === 1,
    );
    await cluster.host(1).murmur("service", "scale", "ticks=4");
    await eventually(
      "all tasks tick",
      async () => speakers(),
      (count) => count === 4,
    );
    expect(await openStreams()).toBeGreaterThan(quiet);
    followed.child.kill("SIGINT");
    await once(followed.child, "exit");
    await eventually("no log is open any more", openStreams, (count) => count <= quiet);
  });

  it("of a service aren't all that is told of it: docker's events come from every host", async () => {
    const begun = String(Math.floor(Date.now() / 1_000) - 1);
    using followed = follow(cluster.host(3), "events", "--filter", "scope=swarm");
    using local = follow(cluster.host(3), "events", "--filter", "type=container");
    // Nothing else says that they are being told.
    const happen = async (): Promise<readonly string[]> => {
      const label = `seen=${String(performance.now())}`;
      await cluster.first.murmur("service", "update", "--detach", "--label-add", label, "ticks");
      await cluster.host(3).ok("sh", "-c", `docker rm $(docker create ${CLIENT_IMAGE})`);
      return [followed.said(), local.said()];
    };
    await eventually("events are told", happen, (said) => said.every((text) => text !== ""), SOON);
    await create("noted", "echo noted", "--mode", "global");
    await cluster.host(1).murmur("service", "update", "--label-add", "a=b", "noted");
    await cluster.host(2).murmur("service", "rm", "noted");
    await eventually(
      "it is told",
      async () => followed.said(),
      (said) => /service remove \S+ \(name=noted\)/.test(said),
      SOON,
    );
    expect(followed.said()).toMatch(/service create \S+ \(name=noted\)[^]*service update \S+ \(.*name=noted/);
    await expect.poll(() => local.said()).toMatch(/container start [0-9a-f]{64}/);
    const past = ["events", "--since", begun, "--until", "0s", "--filter", "service=noted"];
    await expect.poll(() => cluster.host(1).murmur(...past)).toMatch(/service create [^]*service remove /);
  });

  it("say which node doesn't answer, show the rest, and end", async () => {
    const gone = await hostOf("web", cluster.first);
    const seen = ({ code, stdout, stderr }: Outcome) => ({
      code,
      lines: lines(stdout).length,
      named: stderr.match(/(?<=node )host\d/g),
    });
    await using _cut = await cutOff(gone);
    // It waits 5 s for a node, and says then that it has not answered.
    const shown = await cluster.first.run(["murmur", "service", "logs", "web"], { timeoutMs: 12_000 });
    expect(seen(shown), shown.stderr).toEqual({ code: 7, lines: 1_500, named: [gone.name] });
    const same = await docker(cluster.first, "service", "logs", "web");
    expect(seen(same), same.stderr).toEqual({ code: 1, lines: 1_500, named: [gone.name] });
  });

  it("that are followed go on without a node, and with it again once it is back", async () => {
    const gone = await hostOf("ticks", cluster.first);
    using followed = follow(cluster.first, "service", "logs", "--follow", "--tail", "0", "ticks");
    const ticksOf = (host: Host): number => followed.said().split(`@${host.name} `).length;
    await eventually(
      "it ticks",
      async () => ticksOf(gone),
      (count) => count > 5,
    );
    await gone.cut();
    await eventually(
      "it is named",
      async () => followed.said(),
      (said) => said.includes(`node ${gone.name} (`),
    );
    expect(followed.child.exitCode).toBeNull();
    const before = ticksOf(gone);
    await gone.heal();
    await eventually(
      "it is back",
      async () => ticksOf(gone),
      (count) => count > before + 5,
    );
    await cluster.settled();
  });

  it("wait where they are for a reader that is slow: the daemons' memory stays as it is", async () => {
    await create("flood", "seq 1 2000000 | sed 's/$/ 0123456789012345678901234567890123456789/'", "--replicas", "2");
    // The engines write 4 million lines into files.
    await eventually(
      "all is written",
      () => cluster.first.run(["murmur", "service", "logs", "--tail", "1", "flood"]),
      ({ stdout }) => lines(stdout).filter((line) => line.includes(" 2000000 ")).length === 2,
      { limitMs: 60_000 },
    );
    const quiet = await quietStreams();
    const before = await Promise.all(cluster.hosts.map(memory));
    const reader = request({
      socketPath: cluster.host(3).socket,
      path: "/services/flood/logs?stdout=1&stderr=1",
    }).end();
    const [answer] = (await once(reader, "response")) as [NodeJS.ReadableStream];
    answer.pause();
    await sleep(10_000);
    const after = await Promise.all(cluster.hosts.map(memory));
    for (const [at, mib] of after.entries()) expect(mib - (before[at] ?? 0)).toBeLessThan(64);
    reader.destroy();
    await eventually("no log is open any more", openStreams, (count) => count <= quiet);
  });
});

/** A host that runs a task of the service, other than the given one. */
async function hostOf(service: string, except: Host): Promise<Host> {
  const rows = await cluster.first.json<readonly { Node: string; CurrentState: string }[]>("service", "ps", service);
  const names = rows.filter(({ CurrentState }) => CurrentState.startsWith("Running")).map(({ Node }) => Node);
  const host = cluster.hosts.find(({ name }) => name !== except.name && names.includes(name));
  if (host === undefined) throw new Error(`no other host runs ${service}`);
  return host;
}

/** Cuts a host off until the end of the block, however that ends. */
async function cutOff(host: Host): Promise<AsyncDisposable> {
  await host.cut();
  return {
    [Symbol.asyncDispose]: async () => {
      await host.heal();
      await cluster.settled();
    },
  };
}

/** As many as there are without a log: what has just been read may not be closed yet, nor a command's request. */
async function quietStreams(): Promise<number> {
  const counts: number[] = [];
  while (counts.length < 5) {
    counts.push(await openStreams());
    await sleep(200);
  }
  return Math.min(...counts);
}

/** Streams between the hosts; each log that is read of another host is one. */
async function openStreams(): Promise<number> {
  const texts = await Promise.all(cluster.hosts.map((host) => host.client.metrics()));
  return texts.reduce((sum, text) => sum + Number(/^murmur_transport_streams (\d+)/m.exec(text)?.[1]), 0);
}
