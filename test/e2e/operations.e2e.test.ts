import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { tasksOf } from "../hosts/task-container.ts";

/* What an operator does, on real engines: also what is broken off, refused, or goes wrong for ever. */

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.of(3);
});
afterAll(() => cluster[Symbol.asyncDispose]());

interface Row {
  readonly ID: string;
  readonly Name: string;
  readonly Replicas: string;
}
interface TaskRow {
  readonly Name: string;
  readonly CurrentState: string;
  readonly Error: string;
}
const QUICK = ["--no-resolve-image", "--stop-grace-period", "0s"] as const;
const services = (asked: Host = cluster.first): Promise<readonly Row[]> => asked.json("service", "ls");
const ps = (name: string): Promise<readonly TaskRow[]> => cluster.first.json("service", "ps", "--no-trunc", name);
/** As `host.run`, of a line of words. */
const run = (host: Host, line: string) => host.run(["murmur", ...line.split(" ")]);
const removeAll = async (): Promise<void> => {
  const ids = (await services()).map(({ ID }) => ID);
  if (ids.length > 0) await cluster.first.murmur("service", "rm", ...ids);
};

/** All that there is runs, and nothing but that. */
const allWhole = (asked?: Host): Promise<readonly Row[]> =>
  eventually(
    "what was made runs",
    () => services(asked),
    (rows) => rows.every(({ Replicas }) => Replicas === "1/1"),
  );

describe("an operation that is broken off", () => {
  it("by its client's end is done or not, and the next look says which", async () => {
    const { first } = cluster;
    for (let at = 1; at <= 8; at += 1) {
      const create = `murmur service create --name cut${String(at)} --detach ${QUICK.join(" ")} ${WEB_IMAGE}`;
      const delay = `0.${String(at)}5`;
      await first.ok(
        "sh",
        "-c",
        `${create} >/tmp/cut${String(at)} 2>&1 & sleep ${delay}; kill -9 $! 2>/dev/null; wait; true`,
      );
    }
    // What is written after them is behind them in the log: what their clients had asked for is done now, or never.
    await first.murmur("cluster", "update", "--task-history-limit", "5");
    const made = new Map((await allWhole()).map(({ ID, Name }) => [Name, ID]));
    for (let at = 1; at <= 8; at += 1) {
      const said = await first.ok("cat", `/tmp/cut${String(at)}`);
      // Who was told of it finds it; who wasn't may be told now.
      if (said !== "") expect(said).toContain(made.get(`cut${String(at)}`)?.slice(0, 12) ?? "nothing");
      const again = await run(first, `service create --name cut${String(at)} --detach ${QUICK.join(" ")} ${WEB_IMAGE}`);
      expect(again.code).toBe(made.has(`cut${String(at)}`) ? 5 : 0);
    }
    const names = (await allWhole()).map(({ Name }) => Name);
    expect(names.toSorted()).toEqual(Array.from({ length: 8 }, (_none, index) => `cut${String(index + 1)}`));
    await removeAll();
  });

  it("by its leader's end is done once, or says that it isn't", async () => {
    const leader = await cluster.leader();
    const [asked] = cluster.others(leader);
    if (asked === undefined) throw new Error("there are three");
    const told = new Map<string, number>();
    const work = (async (): Promise<void> => {
      for (let at = 1; at <= 10; at += 1) {
        const name = `lost${String(at)}`;
        const { code } = await run(asked, `service create --name ${name} --detach ${QUICK.join(" ")} ${WEB_IMAGE}`);
        told.set(name, code);
      }
    })();
    await eventually(
      "some are made",
      async () => told.size,
      (size) => size >= 3,
    );
    await leader.killMurmur({ hold: true });
    await work;
    const rows = await allWhole(asked);
    const names = rows.map(({ Name }) => Name);
    expect(new Set(names).size).toBe(names.length);
    for (const [name, code] of told) {
      // 7: nobody knew at that time.
      expect([0, 6, 7]).toContain(code);
      if (code !== 7) expect([name, names.includes(name)]).toEqual([name, code === 0]);
    }
    await leader.startMurmur();
    await cluster.settled();
    await removeAll();
  });
});

describe("a command that fails at once", () => {
  it("is remembered five times a slot, waits longer each time, and says so", async () => {
    const create = `service create --detach --name broken --restart-delay 0s ${QUICK.join(" ")} ${WEB_IMAGE} false`;
    await cluster.first.murmur(...create.split(" "));
    // The first ones follow at once; from then on each waits 5 s and longer.
    const rows = await eventually(
      "it was tried again and again",
      () => ps("broken"),
      (tasks) => tasks.length === 5 && tasks.every(({ CurrentState }) => /^(Failed|Ready)/.test(CurrentState)),
      { limitMs: 15_000 },
    );
    expect(rows.filter(({ Error }) => Error === "task: non-zero exit (1)").length).toBeGreaterThanOrEqual(4);
    await eventually(
      "the next one is held back",
      () => cluster.first.murmur("task", "explain", "broken.1"),
      (text) => /starts in \d+ s: the one before it has ended, and the restart policy waits/.test(text),
    );
    await cluster.first.murmur("cluster", "update", "--task-history-limit", "2");
    await eventually(
      "fewer are remembered",
      () => ps("broken"),
      (tasks) => tasks.length <= 3,
      SOON,
    );
    await cluster.first.murmur("cluster", "update", "--task-history-limit", "5");
    await removeAll();
  });
});

describe("an update", () => {
  it("that fails is paused, and taken back by service rollback", async () => {
    const { first } = cluster;
    // A task that ends at once was up before: without a delay the other one's turn may come between the two reports.
    const create = "service create --quiet --name turn --replicas 2 --restart-condition none --update-delay 10s";
    await first.murmur(...create.split(" "), ...QUICK, WEB_IMAGE);
    const before = await tasksOf(cluster.hosts, "turn");
    const failed = await run(first, "service update --quiet --no-resolve-image --args false turn");
    expect(failed.code).toBe(1);
    expect(await first.murmur("service", "inspect", "--pretty", "turn")).toMatch(/State:\s+paused/);
    expect(await tasksOf(cluster.hosts, "turn")).toHaveLength(1);
    await cluster.host(1).murmur("service", "rollback", "--quiet", "turn");
    const after = await tasksOf(cluster.hosts, "turn");
    expect(after).toHaveLength(2);
    // The one that the update had not come to works on.
    expect(after.filter(({ id }) => before.some((old) => old.id === id))).toHaveLength(1);
    await removeAll();
  });

  it("whose forecast somebody has overtaken is refused", async () => {
    const { first } = cluster;
    await first.murmur("service", "create", "--quiet", "--name", "plan", ...QUICK, WEB_IMAGE);
    const shown = await first.murmur("service", "update", "--dry-run", "--replicas", "3", "plan");
    const [, version = ""] = /--expect-version (\d+)/.exec(shown) ?? [];
    expect(shown).toContain("Tasks: 3 on nodes (1 kept, 2 new)");
    expect(await tasksOf(cluster.hosts, "plan")).toHaveLength(1);
    await cluster.host(1).murmur("service", "update", "--detach", "--label-add", "a=b", "plan");
    const late = await run(first, `service update --detach --expect-version ${version} --replicas 3 plan`);
    expect(late.code).toBe(5);
    expect(late.stderr).toMatch(/^murmur: service plan is at version \d+, not \d+: it was changed meanwhile/);
    expect(await tasksOf(cluster.hosts, "plan")).toHaveLength(1);
    await removeAll();
  });
});

describe("a global service", () => {
  it("is stopped, started and restarted on every node", async () => {
    const { first } = cluster;
    await first.murmur("service", "create", "--quiet", "--name", "all", "--mode", "global", ...QUICK, WEB_IMAGE);
    const before = await tasksOf(cluster.hosts, "all");
    await cluster.host(1).murmur("service", "stop", "all");
    expect(await tasksOf(cluster.hosts, "all")).toEqual([]);
    expect((await services()).map(({ Replicas }) => Replicas)).toEqual(["0/0 (stopped)"]);
    await cluster.host(2).murmur("service", "start", "all");
    const started = await tasksOf(cluster.hosts, "all");
    await first.murmur("service", "restart", "all");
    const restarted = await tasksOf(cluster.hosts, "all");
    const ids = [before, started, restarted].map((tasks) => tasks.map(({ id }) => id));
    expect(ids.map((list) => list.length)).toEqual([3, 3, 3]);
    expect(new Set(ids.flat()).size).toBe(9);
    await removeAll();
  });
});

describe("a node", () => {
  const managers = async (): Promise<readonly string[]> => {
    const rows = await cluster.first.json<readonly { Hostname: string; ManagerStatus: string }[]>("node", "ls");
    return rows.filter(({ ManagerStatus }) => ManagerStatus !== "").map(({ Hostname }) => Hostname);
  };

  it("is promoted and demoted, but not where nobody would be left to manage", async () => {
    const [one, two, three] = [cluster.first, cluster.host(1), cluster.host(2)];
    await one.murmur("node", "demote", "host3");
    await eventually("it is a worker", managers, (names) => !names.includes("host3"), SOON);
    await one.murmur("node", "promote", "host3");
    await eventually("it is a manager", managers, (names) => names.length === 3, SOON);
    await one.murmur("node", "update", "--role", "auto", "host3");
    await three.killMurmur({ hold: true });
    await eventually(
      "it is down",
      () => one.json<readonly { Hostname: string; Status: string }[]>("node", "ls"),
      (rows) => rows.some(({ Hostname, Status }) => Hostname === "host3" && Status === "Down"),
      SOON,
    );
    // Two of three are left, and both are needed. Of two nodes one manages soon, and the other may go.
    const needed = await run(one, "node rm --force host2");
    const gone = await run(one, "node rm host3");
    expect([needed.code, gone.code]).toEqual([6, 0]);
    expect(needed.stderr).toMatch(/host2 is a manager that the cluster can't do without \(.+\); demote it first/);
    await three.startMurmur();
    const left = await run(one, "node demote host2");
    expect(left.code).toBe(0);
    const last = await run(two, "node demote host1");
    expect(last.code).toBe(6);
    expect(last.stderr).toMatch(
      /^murmur: attempting to demote the last manager of the swarm; promote another node first/,
    );
    await one.murmur("node", "update", "--role", "auto", "host2");
  });
});

describe("volumes", () => {
  it("are made where they are wanted, listed with their nodes and users, and go when nobody uses them", async () => {
    const { first } = cluster;
    await eventually(
      "both nodes are ready",
      () => first.json<readonly { Status: string }[]>("node", "ls"),
      (rows) => rows.every(({ Status }) => Status === "Ready"),
      SOON,
    );
    // It warns when the managers haven't heard of it in time: then services aren't placed by it yet.
    expect((await run(first, "volume create --node host2 --label a=b data")).stderr).toBe("");
    const create = "service create --quiet --name db --mount type=volume,source=data,target=/data";
    await first.murmur(...create.split(" "), ...QUICK, WEB_IMAGE);
    const [task] = await tasksOf(cluster.hosts, "db");
    expect(task?.host.name).toBe("host2");
    expect(await first.murmur("service", "explain", "db")).toContain(
      "volume data is on node host2: its tasks go there first",
    );
    const [volume] = JSON.parse(await first.murmur("volume", "inspect", "data")) as readonly unknown[];
    expect(volume).toMatchObject({ Name: "data", Labels: { a: "b" }, Node: { Hostname: "host2" } });
    const used = await run(first, "volume rm data");
    expect(used.code).not.toBe(0);
    expect(used.stderr).toMatch(/in use/);
    await removeAll();
    await eventually(
      "it can go",
      () => run(first, "volume rm data"),
      ({ code }) => code === 0,
    );
    expect(await cluster.host(1).ok("docker", "volume", "ls", "-q")).toBe("");
  });
});
