import { copyFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BackupHeader, RecoveryPlan } from "@murmur/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Outcome } from "../hosts/command-runner.ts";
import { firstAnswer, isEmpty } from "../hosts/first-answer.ts";
import { eventually, type Host } from "../hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";
import { ask } from "../hosts/requests.ts";

interface NodeRow {
  readonly Hostname: string;
  readonly Status: string;
  readonly ManagerStatus: string;
}

const BACKUP = "/run/murmur/cluster.backup";
/** A command waits 10 s for a leader before it says that there is none. */
const NOBODY = { limitMs: 15_000 } as const;
let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.of(4);
  const web = ["service", "create", "--name", "web", "--replicas", "8", "--publish", "80:8080", WEB_IMAGE];
  await cluster.first.murmur(...web);
});
afterAll(() => cluster[Symbol.asyncDispose]());

const rows = (asked: Host): Promise<readonly NodeRow[]> => asked.json<readonly NodeRow[]>("node", "ls");
const containersOf = async (hosts: readonly Host[]): Promise<readonly string[]> =>
  (await Promise.all(hosts.map((host) => host.containers()))).flat();
const running = (
  hosts: readonly Host[],
  count: number,
  options?: { readonly limitMs: number },
): Promise<readonly string[]> =>
  eventually(
    `${String(count)} containers run`,
    () => containersOf(hosts),
    (ids) => ids.length === count,
    options,
  );

async function managersAndWorkers(): Promise<{
  readonly managers: readonly Host[];
  readonly workers: readonly Host[];
}> {
  const names = (await rows(cluster.first))
    .filter(({ ManagerStatus }) => ManagerStatus !== "")
    .map((row) => row.Hostname);
  const managers = cluster.hosts.filter(({ name }) => names.includes(name));
  return { managers, workers: cluster.others(...managers) };
}

/** A command that must be refused, in one line. */
async function refused(host: Host, ...args: string[]): Promise<Outcome> {
  const outcome = await host.run(["murmur", ...args]);
  expect(outcome.code).not.toBe(0);
  expect(outcome.stderr.trim().split("\n")).toHaveLength(1);
  return outcome;
}

const allReady = (asked: Host, count: number): Promise<unknown> =>
  eventually(
    "all nodes are ready, three are managers",
    () => rows(asked),
    (list) =>
      list.length === count &&
      list.every(({ Status }) => Status === "Ready") &&
      list.filter(({ ManagerStatus }) => ManagerStatus !== "").length === 3,
  );

describe("a cluster whose managers are lost", () => {
  it("is recovered on the one that is left, and takes the others in again when they come back", async () => {
    await running(cluster.hosts, 8);
    const { managers, workers } = await managersAndWorkers();
    const [survivor, ...lost] = managers;
    if (survivor === undefined) throw new Error("there are managers");
    expect((await refused(survivor, "cluster", "recover", "--yes")).stderr).toMatch(/has a leader|majority/);
    for (const host of lost) await host.killMurmur({ hold: true });
    const kept = await containersOf([survivor, ...workers]);
    await eventually(
      "nobody leads",
      () => survivor.run(["murmur", "service", "ls"], { timeoutMs: 30_000 }),
      ({ code }) => code === 7,
      NOBODY,
    );
    const shown = await refused(survivor, "cluster", "recover");
    expect(shown.stdout).toContain("unreachable");
    expect(shown.stderr).toContain("say --yes");
    expect((await refused(workers[0] ?? survivor, "cluster", "recover")).stderr).toContain("this node is no manager");
    const plan = await survivor.json<RecoveryPlan>("cluster", "recover", "--dry-run");
    expect(plan).toMatchObject({ advised: true, keeps: { nodes: 4, services: 1 } });

    await survivor.murmur("cluster", "recover", "--yes");
    await survivor.murmur("service", "create", "--name", "after", "--detach", "--replicas", "0", WEB_IMAGE);
    const alive = [survivor, ...workers];
    const now = await running(alive, 8);
    for (const id of kept) expect(now).toContain(id);
    // A container counts as soon as its process runs, before it listens.
    const look = (): Promise<string> => ask(workers[0] ?? survivor, 80).catch(() => "");
    expect(now.map((id) => id.slice(0, 12))).toContain(await firstAnswer("web answers", look, isEmpty));

    await Promise.all(lost.map((host) => host.startMurmur()));
    await allReady(survivor, 4);
    await running(cluster.hosts, 8);
    for (const host of cluster.hosts)
      expect(await host.murmur("service", "ls", "--format", "json")).toContain('"after"');
  });

  it("is backed up on a manager, and restored on a new host, where its living nodes find it", async () => {
    const { managers, workers } = await managersAndWorkers();
    const worker = workers[0] ?? cluster.first;
    const keeper = managers[0] ?? cluster.first;
    expect((await refused(worker, "cluster", "backup", BACKUP)).stderr).toContain("which only managers have");
    await keeper.murmur("cluster", "backup", BACKUP);
    const file = join(dirname(keeper.socket), "cluster.backup");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const header = JSON.parse(
      await keeper.murmur("cluster", "restore", "--show", "--format", "json", BACKUP),
    ) as BackupHeader;
    expect(header.counts).toMatchObject({ nodes: 4, services: 2 });
    expect((await refused(keeper, "cluster", "restore", BACKUP)).stderr).toContain("already in a cluster");

    const fresh = await cluster.addHost("host5");
    await copyFile(file, join(dirname(fresh.socket), "cluster.backup"));
    const restore = ["cluster", "restore", "--advertise-addr", fresh.address];
    expect((await refused(fresh, ...restore, BACKUP)).stderr).toContain("still runs");
    await fresh.ok("sh", "-c", `head -c 3000 ${BACKUP} > /tmp/cut`);
    expect((await refused(fresh, ...restore, "/tmp/cut")).stderr).toMatch(/not complete: it ends at byte 3000/);

    for (const host of managers) await host.killMurmur({ hold: true });
    const kept = await worker.containers();
    await eventually(
      "nobody leads",
      () => worker.run(["murmur", "service", "ls"], { timeoutMs: 30_000 }),
      ({ code }) => code === 7,
      NOBODY,
    );
    expect(await fresh.murmur(...restore, BACKUP)).toContain("is now its only manager");
    // A node that has met nobody finds three of the five dead one after the other, each some two seconds after the last.
    await running([fresh, worker], 8, { limitMs: 20_000 });
    expect(await worker.containers()).toEqual(expect.arrayContaining([...kept]));
    await worker.murmur("service", "create", "--name", "restored", "--detach", "--replicas", "0", WEB_IMAGE);

    await Promise.all(managers.map((host) => host.startMurmur()));
    await allReady(fresh, 5);
    await running(cluster.hosts, 8);
    for (const host of cluster.hosts) expect(await host.murmur("service", "ls")).toContain("restored");
  });
});
