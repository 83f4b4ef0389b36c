import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { CLIENT_IMAGE, HostCluster } from "../hosts/host-cluster.ts";

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.of(4, { images: [CLIENT_IMAGE] });
  const command = ["--entrypoint", "", CLIENT_IMAGE, "sleep", "1d"];
  // Nothing in them would end by itself.
  const create = ["service", "create", "--stop-grace-period", "0s"];
  await cluster.first.murmur(...create, "--name", "web", "--replicas", "4", ...command);
  await cluster.first.murmur(...create, "--name", "agent", "--mode", "global", ...command);
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** A command on a host whose input is written while it runs. */
function start(host: Host, ...command: readonly string[]) {
  const child = spawn("docker", ["exec", "-i", host.container.getId(), ...command]);
  child.stdin.on("error", () => {}); // its code and output tell
  const said = { out: "", err: "" };
  child.stdout.on("data", (bytes: Buffer) => (said.out += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (said.err += bytes.toString()));
  const ended = once(child, "close").then(([code]) => Number(code));
  return {
    child,
    said,
    ended,
    says: (text: string) =>
      eventually(
        text,
        async () => said.out,
        (out) => out.includes(text),
      ),
  };
}

describe("a command in a task", () => {
  it("runs on whichever node the task is: output, errors and exit code, from every host", async () => {
    const names = new Set<string>();
    for (const host of cluster.hosts) {
      const script = "hostname; echo trouble >&2; exit 7";
      const { code, stdout, stderr } = await host.run(["murmur", "service", "exec", "web.2", "sh", "-c", script]);
      expect([code, stderr]).toEqual([7, "trouble\n"]);
      names.add(stdout);
    }
    expect(names.size).toBe(1);
    const onNodes = await Promise.all(
      cluster.hosts.map(({ name }) => cluster.first.murmur("service", "exec", `agent.${name}`, "hostname")),
    );
    expect(new Set(onNodes).size).toBe(4);
    const [id] = (await cluster.first.murmur("service", "ps", "-q", "web")).split("\n");
    expect(await cluster.host(3).murmur("task", "exec", id ?? "", "echo", "-n", "hi")).toBe("hi");
  });

  it("has the environment, the user and the directory that it is given", async () => {
    const flags = "--env GREETING=hello --user 1000:1000 --workdir /tmp".split(" ");
    const script = "echo $GREETING $(id -u):$(id -g) $(pwd)";
    const said = await cluster.first.murmur("service", "exec", ...flags, "web.3", "sh", "-c", script);
    expect(said).toBe("hello 1000:1000 /tmp");
  });

  it("takes input, all of it, and its end", async () => {
    const sent = randomBytes(20_000_000);
    const run = start(cluster.first, "murmur", "service", "exec", "-i", "web.4", "sha256sum");
    run.child.stdin.end(sent);
    expect(await run.ended).toBe(0);
    expect(run.said.out.split(" ")[0]).toBe(createHash("sha256").update(sent).digest("hex"));
  });

  it("has a terminal of the size of this one, and its keys", async () => {
    // The size comes a moment after the start, as with docker: there is none before it.
    const sized = 'until stty size 2>/dev/null | grep -v "^0 0"; do sleep 0.1; done';
    const inTerminal = `stty rows 33 cols 77; murmur service exec -it web.3 sh -c '${sized}; tty; read x; echo got $x'`;
    const run = start(cluster.first, "script", "-qec", inTerminal, "/dev/null");
    await run.says("33 77");
    await run.says("/dev/pts/");
    run.child.stdin.write("there\r");
    await run.says("got there");
    expect(await run.ended).toBe(0);
    const interrupted = start(
      cluster.first,
      "script",
      "-qec",
      "murmur service exec -it web.3 sh -c 'echo up; sleep 60'",
      "/dev/null",
    );
    await interrupted.says("up");
    interrupted.child.stdin.write("\u0003");
    expect(await interrupted.ended).toBe(130);
  });

  it("goes on when its terminal is detached", async () => {
    const line = "murmur service exec -it web.3 sh -c 'echo up; sleep 3; touch /tmp/went-on'";
    const run = start(cluster.first, "script", "-qec", line, "/dev/null");
    await run.says("up");
    run.child.stdin.write("\u0010\u0011");
    expect(await run.ended).toBe(1);
    expect(run.said.out).toContain("read escape sequence");
    await eventually(
      "it went on",
      () => cluster.first.run(["murmur", "service", "exec", "web.3", "ls", "/tmp/went-on"]),
      ({ code }) => code === 0,
    );
    await cluster.first.murmur("service", "exec", "--detach", "web.3", "touch", "/tmp/detached");
    await cluster.first.murmur("service", "exec", "web.3", "ls", "/tmp/detached");
  });

  it("gets the signals that its caller gets", async () => {
    for (const host of cluster.hosts) {
      const script = "trap 'echo terminated; exit 9' TERM; echo up; while true; do sleep 0.1; done";
      const run = start(host, "murmur", "service", "exec", "web.2", "sh", "-c", script);
      await run.says("up");
      await host.ok("sh", "-c", "kill -TERM $(pgrep -f '[s]ervice exec web.2')");
      expect([await run.ended, run.said.out]).toEqual([9, "up\nterminated\n"]);
    }
  });

  it("is refused in one line when it can't be", async () => {
    const refusal = async (...args: readonly string[]) => {
      const { code, stderr } = await cluster.first.run(["murmur", ...args]);
      return [code, stderr.trim().split("\n").length, stderr];
    };
    expect(await refusal("service", "exec", "nothing", "ls")).toEqual([4, 1, expect.stringContaining("nothing")]);
    expect(await refusal("service", "exec", "web.9", "ls")).toEqual([
      6,
      1,
      expect.stringContaining("no running task at 9"),
    ]);
    expect(await refusal("service", "exec", "-it", "web", "sh")).toEqual([2, 1, expect.stringContaining("not a TTY")]);
    const unknown = await cluster.first.run(["murmur", "service", "exec", "web", "no-such-program"]);
    expect([126, 127]).toContain(unknown.code);
    expect(unknown.stderr + unknown.stdout).toContain("no-such-program");
  });

  it("and what tasks use are shown for all nodes", async () => {
    await cluster.first.murmur("service", "exec", "--detach", "web.2", "sh", "-c", "while true; do :; done");
    const busy = await eventually(
      "it is busy",
      () => cluster.host(3).json<readonly Record<string, string>[]>("service", "top", "--no-stream", "web"),
      (rows) =>
        rows.some(({ Name, CPUPerc }) => Name?.startsWith("web.2.") === true && Number.parseFloat(CPUPerc ?? "") > 20),
    );
    expect(busy.map(({ Name }) => Name?.slice(0, 6))).toEqual(["web.1.", "web.2.", "web.3.", "web.4."]);
    for (const row of busy) expect(row["MemUsage"]).toMatch(/^[\d.]+(KiB|MiB) \/ [\d.]+GiB$/);
    const nodes = await cluster.first.murmur("node", "top", "--no-stream");
    expect(nodes.split("\n").map((line) => line.split(/\s+/)[0])).toEqual(["NODE", "host1", "host2", "host3", "host4"]);
    await cluster.first.murmur("service", "exec", "web.2", "killall", "sh");
  });

  it("goes on, as logs, events and figures do, when the leader is lost in their middle", async () => {
    const leader = await cluster.leader();
    const [asked, worker] = cluster.others(leader);
    if (asked === undefined || worker === undefined) throw new Error("there are four hosts");
    const count = (limit: string): string => `i=0; while ${limit}; do i=$((i+1)); echo tick $i; sleep 0.1; done`;
    const flags = ["--name", "ticker", "--quiet", "--constraint", `node.hostname==${worker.name}`, "--entrypoint", ""];
    await asked.murmur("service", "create", ...flags, CLIENT_IMAGE, "sh", "-c", count("true"));
    const watching = (...command: readonly string[]) => start(asked, "timeout", "60", "murmur", ...command);
    const logs = watching("service", "logs", "--follow", "ticker");
    const events = watching("events", "--filter", "type=service");
    const change = (label: string) =>
      asked.murmur("service", "update", "--label-add", `changed=${label}`, "--detach", "ticker");
    // Nothing else says that they are being told.
    await eventually(
      "events are told",
      () => change(randomBytes(4).toString("hex")).then(() => events.said.out),
      (said) => said.includes("service update"),
      SOON,
    );
    const limit = "[ $i -lt 100 ]";
    const run = watching("service", "exec", `agent.${worker.name}`, "sh", "-c", count(limit));
    await Promise.all([run.says("tick 5\n"), logs.says("tick 5\n")]);
    await leader.killMurmur({ hold: true });
    const { stdout } = await asked.run(["murmur", "service", "top", "--no-stream", "ticker"]);
    expect(stdout).toContain("ticker.1.");
    await asked.murmur("service", "create", "--name", "later", "--replicas", "0", "--detach", CLIENT_IMAGE);
    await events.says("(name=later");
    // What was read last may end within a line.
    const last = Number([...logs.said.out.matchAll(/tick (\d+)\n/g)].at(-1)?.[1]);
    await logs.says(`tick ${String(last + 20)}\n`);
    expect(await run.ended).toBe(0);
    expect(run.said.out).toBe(Array.from({ length: 100 }, (_, at) => `tick ${String(at + 1)}\n`).join(""));
    await leader.startMurmur();
    await asked.murmur("service", "rm", "ticker", "later");
    await cluster.settled();
  });

  it("ends when its node is lost", async () => {
    const lost = cluster.host(1);
    // It may have been the leader that was killed before.
    await eventually(
      "each node has an agent again",
      () => cluster.first.json<readonly { Name: string; Replicas: string }[]>("service", "ls"),
      (rows) => rows.find(({ Name }) => Name === "agent")?.Replicas === "4/4",
    );
    const run = start(
      cluster.first,
      "murmur",
      "service",
      "exec",
      `agent.${lost.name}`,
      "sh",
      "-c",
      "echo up; sleep 60",
    );
    await run.says("up");
    await lost.cut();
    const code = await eventually(
      "it ends",
      async () => run.child.exitCode,
      (found) => found !== null,
    );
    expect(code).toBe(7);
    await run.ended;
    expect(run.said.err).toMatch(/^murmur: lost the connection/);
    await lost.heal();
    await cluster.settled();
  });
});
