import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "../hosts/requests.ts";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";

interface NodeRow {
  readonly Hostname: string;
  readonly Status: string;
  readonly ManagerStatus: string;
}

interface ServiceRow {
  readonly Name: string;
  readonly Replicas: string;
}

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.of(3);
  await cluster.first.murmur(
    "service",
    "create",
    "--name",
    "web",
    "--replicas",
    "6",
    "--publish",
    "80:8080",
    WEB_IMAGE,
  );
});
afterAll(() => cluster[Symbol.asyncDispose]());

const containersOf = async (hosts: readonly Host[]): Promise<readonly string[]> =>
  (await Promise.all(hosts.map((host) => host.containers()))).flat();
/** Waits until the six tasks of web run on these hosts, and nothing else: also what was to be stopped is gone. */
async function allSix(hosts: readonly Host[]): Promise<readonly string[]> {
  const [asked = cluster.first] = hosts;
  const look = async () => {
    const services = await asked.json<readonly ServiceRow[]>("service", "ls");
    return { web: services.find(({ Name }) => Name === "web")?.Replicas, ids: await containersOf(hosts) };
  };
  const { ids } = await eventually("six containers run", look, (seen) => seen.web === "6/6" && seen.ids.length === 6);
  return ids;
}
const statusOf = async (asked: Host, name: string): Promise<string | undefined> =>
  (await asked.json<readonly NodeRow[]>("node", "ls")).find(({ Hostname }) => Hostname === name)?.Status;
const healed = (): Promise<void> => cluster.settled();

describe("a cluster that loses things", () => {
  it("replaces a container that dies, in its slot", async () => {
    const before = await allSix(cluster.hosts);
    await cluster.first.ok("sh", "-c", "docker kill $(docker ps -q --filter label=com.docker.swarm.task.id | head -1)");
    const after = await eventually(
      "another container",
      () => containersOf(cluster.hosts),
      (ids) => ids.length === 6 && ids.some((id) => !before.includes(id)),
    );
    expect(after.filter((id) => before.includes(id))).toHaveLength(5);
  });

  it("takes its containers over when the node process dies and comes back", async () => {
    const leader = await cluster.leader();
    // However long the process takes to come back, what it ran is waited for.
    await leader.murmur("service", "update", "--on-node-loss", "wait", "web");
    const before = await allSix(cluster.hosts);
    await leader.killMurmur();
    const [other] = cluster.others(leader);
    await (other ?? leader).murmur("service", "create", "--name", "during", "--detach", WEB_IMAGE);
    try {
      await eventually(
        "it is back",
        () => leader.json<readonly NodeRow[]>("node", "ls"),
        (rows) => rows.every(({ Status }) => Status === "Ready"),
      );
      await healed();
      const after = await containersOf(cluster.hosts);
      for (const id of before) expect(after).toContain(id);
    } finally {
      await cluster.first.murmur("service", "rm", "during");
      await cluster.first.murmur("service", "update", "--on-node-loss", "replace", "web");
    }
  });

  it("waits for a lost node where a service is to, and finds its containers as they were", async () => {
    const leader = await cluster.leader();
    const [victim = leader] = cluster.others(leader);
    const create = "service create --name kept --mode global --on-node-loss wait".split(" ");
    await leader.murmur(...create, WEB_IMAGE);
    const before = await containersOf(cluster.hosts);
    await victim.killMurmur({ hold: true });
    const explained = await eventually(
      "the node is missed",
      () => leader.murmur("service", "explain", "kept"),
      (text) => text.includes("its service waits"),
      SOON,
    );
    expect(explained).toContain("kept: 2 of 3 tasks run");
    await victim.startMurmur();
    await healed();
    const after = await eventually(
      "nine containers run",
      () => containersOf(cluster.hosts),
      (ids) => ids.length === 9,
    );
    await eventually(
      "its report has come",
      () => leader.json<readonly ServiceRow[]>("service", "ls"),
      (services) => services.find(({ Name }) => Name === "kept")?.Replicas === "3/3",
      SOON,
    );
    const label = "label=com.docker.swarm.service.name=kept";
    const own = await victim.ok("docker", "ps", "-q", "--no-trunc", "--filter", label);
    expect(before).toContain(own);
    expect(after).toContain(own);
    await leader.murmur("service", "rm", "kept");
    await allSix(cluster.hosts);
  });

  it("goes on when the leader's host is cut off, and cleans up when it is back", async () => {
    const leader = await cluster.leader();
    const rest = cluster.others(leader);
    await leader.cut();
    try {
      const [other] = rest;
      if (other === undefined) throw new Error("three hosts");
      await other.murmur(
        "service",
        "create",
        "--name",
        "written",
        "--detach",
        "--constraint",
        "node.hostname==nowhere",
        WEB_IMAGE,
      );
      await eventually(
        "it is down",
        () => statusOf(other, leader.name),
        (status) => status === "Down",
        SOON,
      );
      await allSix(rest);
      for (let count = 0; count < 20; count += 1) expect(await ask(other, 80)).not.toBe("");
    } finally {
      await leader.heal();
    }
    await healed();
    await allSix(cluster.hosts);
    await cluster.first.murmur("service", "rm", "written");
  });

  it("shows an engine that is down, and goes on when it is back", async () => {
    const leader = await cluster.leader();
    const victim = cluster.others(leader)[0] ?? leader;
    await victim.killEngine({ hold: true });
    await eventually(
      "the engine is shown as down",
      () => leader.murmur("node", "inspect", "--pretty", victim.name),
      (text) => /engine.*down/i.test(text),
      SOON,
    );
    await victim.startEngine();
    await eventually(
      "the engine answers",
      () => victim.run(["docker", "version"]),
      ({ code }) => code === 0,
    );
    await allSix(cluster.hosts);
  });

  it("survives a paused host without calling the others dead", async () => {
    const leader = await cluster.leader();
    const victim = cluster.others(leader)[0] ?? leader;
    const { execFileSync } = await import("node:child_process");
    execFileSync("docker", ["pause", victim.container.getId()]);
    await eventually(
      "it is down",
      () => statusOf(leader, victim.name),
      (status) => status === "Down",
      SOON,
    );
    execFileSync("docker", ["unpause", victim.container.getId()]);
    await healed();
    await allSix(cluster.hosts);
  });

  it("loses nothing that it acknowledged when every node is killed at once, and adopts what runs", async () => {
    const names = Array.from({ length: 5 }, (_none, index) => `kept${String(index)}`);
    for (const name of names) {
      await cluster.first.murmur(
        "service",
        "create",
        "--name",
        name,
        "--detach",
        "--constraint",
        "node.hostname==nowhere",
        WEB_IMAGE,
      );
    }
    // However long a process takes to come back, what it ran is waited for.
    await cluster.first.murmur("service", "update", "--on-node-loss", "wait", "web");
    const before = await allSix(cluster.hosts);
    await Promise.all(cluster.hosts.map((host) => host.killMurmur({ hold: true })));
    expect([...(await containersOf(cluster.hosts))].toSorted()).toEqual([...before].toSorted());
    for (const host of cluster.hosts) await host.startMurmur();
    const rows = await eventually(
      "the services are there",
      () => cluster.host(1).json<readonly { readonly Name: string }[]>("service", "ls"),
      (services) => services.length === names.length + 1,
    );
    for (const name of names) expect(rows.map(({ Name }) => Name)).toContain(name);
    await healed();
    expect([...(await containersOf(cluster.hosts))].toSorted()).toEqual([...before].toSorted());
    await cluster.first.murmur("service", "rm", ...names);
    await cluster.first.murmur("service", "update", "--on-node-loss", "replace", "web");
  });

  it("takes a fourth node in, and lets a manager leave", async () => {
    const fourth = await cluster.addHost("host4");
    await cluster.join(fourth);
    await cluster.settled();
    const leader = await cluster.leader();
    await leader.murmur("cluster", "leave");
    cluster.hosts.splice(cluster.hosts.indexOf(leader), 1);
    await eventually(
      "three nodes are left, all managers",
      () => cluster.first.json<readonly NodeRow[]>("node", "ls"),
      (rows) => rows.length === 3 && rows.every(({ ManagerStatus }) => ManagerStatus !== ""),
      SOON,
    );
    expect(await leader.containers()).toEqual([]);
    await allSix(cluster.hosts);
    await leader.container.stop({ timeout: 0, remove: true, removeVolumes: true });
  });
});
