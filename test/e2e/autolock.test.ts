import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";

const REPLICAS = 3;
const LOCKED = 'Please use "docker swarm unlock" to unlock it.';

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.of(3);
});
afterAll(() => cluster[Symbol.asyncDispose]());

const DOCKER = ["docker", "-H", "unix:///run/murmur/docker.sock"] as const;
const docker = (host: Host, line: string): Promise<string> => host.ok(...DOCKER, ...line.split(" "));
const stateOf = (host: Host): Promise<string> => docker(host, "info --format {{.Swarm.LocalNodeState}}");
const becomes = (host: Host, state: string): Promise<string> =>
  eventually(
    `${host.name} is ${state}`,
    () => stateOf(host),
    (seen) => seen === state,
  );
const unlock = (host: Host, key: string) =>
  host.run(["sh", "-c", 'echo "$0" | docker -H unix:///run/murmur/docker.sock swarm unlock', key]);

/** How many files of the daemon's folder have a private key in clear. */
const inClear = async (host: Host): Promise<number> =>
  Number(await host.ok("sh", "-c", "grep -rlas 'PRIVATE KEY' /var/lib/murmur | wc -l"));

/** The containers that run for tasks, on all hosts. */
const containers = async (): Promise<readonly string[]> =>
  (await Promise.all(cluster.hosts.map((host) => host.containers()))).flat().toSorted();

/** Resolves with the containers when all nodes are ready and each task runs once. */
async function whole(): Promise<readonly string[]> {
  await cluster.settled();
  const running = async (): Promise<string> =>
    docker(cluster.first, "service ls --filter name=web --format {{.Replicas}}");
  await eventually("all tasks run", running, (text) => text === `${String(REPLICAS)}/${String(REPLICAS)}`);
  return eventually("each task has one container", containers, (ids) => ids.length === REPLICAS);
}

let key = "";

describe("autolock on three managers, by docker's own command", () => {
  it("takes the keys off all disks, and locks one that starts again, whose containers run on", async () => {
    const { first } = cluster;
    await docker(first, `service create --detach --name web --replicas ${String(REPLICAS)} ${WEB_IMAGE}`);
    await whole();
    for (const host of cluster.hosts) expect(await inClear(host)).toBeGreaterThan(0);
    await docker(first, "swarm update --autolock=true");
    key = await docker(first, "swarm unlock-key -q");
    expect(key).toMatch(/^SWMKEY-1-/);
    for (const host of cluster.hosts)
      await eventually(
        `nothing on ${host.name}'s disk opens anything`,
        () => inClear(host),
        (files) => files === 0,
        SOON,
      );

    const lost = await cluster.leader();
    const own = await lost.containers();
    await lost.killMurmur();
    await becomes(lost, "locked");
    for (const line of ["node ls", "service ls", "swarm unlock-key"]) {
      const { code, stderr } = await lost.run([...DOCKER, ...line.split(" ")]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(LOCKED)]);
    }
    expect(await lost.containers()).toEqual(own);
    const [asked] = cluster.others(lost);
    if (asked === undefined) throw new Error("there are three hosts");
    await eventually(
      "it is down, and its tasks run elsewhere",
      () => docker(asked, "service ps --filter desired-state=running --format {{.Node}}:{{.CurrentState}} web"),
      (rows) => {
        const nodes = rows.split("\n");
        const run = (row: string): boolean => row.includes(":Running") && !row.startsWith(lost.name);
        return nodes.length === REPLICAS && nodes.every(run);
      },
    );

    const wrong = await unlock(lost, `SWMKEY-1-${"A".repeat(43)}`);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("invalid key provided")]);
    expect((await unlock(lost, key)).code).toBe(0);
    expect(await stateOf(lost)).toBe("active");
    await whole();
  });

  it("leaves nobody to answer after a power cut, and nothing lost once two are open", async () => {
    const before = await whole();
    await docker(cluster.first, "service create --detach --name last --replicas 0 " + WEB_IMAGE);
    await Promise.all(cluster.hosts.map((host) => host.killMurmur()));
    await Promise.all(cluster.hosts.map((host) => becomes(host, "locked")));
    expect(await containers()).toEqual(before);
    const [one, two, three] = [0, 1, 2].map((number) => cluster.host(number)) as [Host, Host, Host];
    expect((await unlock(one, key)).code).toBe(0);
    expect((await unlock(two, key)).code).toBe(0);
    const listed = await eventually(
      "the two are a quorum",
      () => docker(two, "service ls --format {{.Name}}"),
      (names) => names !== "",
      SOON,
    );
    expect(listed.split("\n").toSorted()).toEqual(["last", "web"]);
    expect(await stateOf(three)).toBe("locked");
    expect((await unlock(three, key)).code).toBe(0);
    await whole();
  });

  it("gives all a new key: one that was away opens with the old one, once", async () => {
    const [away, asked] = [cluster.host(2), cluster.first];
    await away.killMurmur({ hold: true });
    const next = await eventually(
      "the key is replaced",
      () => docker(asked, "swarm unlock-key --rotate -q"),
      (text) => text.startsWith("SWMKEY-1-"),
    );
    expect(next).not.toBe(key);
    await away.startMurmur();
    await becomes(away, "locked");
    expect((await unlock(away, next)).stderr).toContain("invalid key provided");
    expect((await unlock(away, key)).code).toBe(0);
    await cluster.settled();
    // It has the new one as soon as it has heard of it, which nobody is told; each try starts the daemon twice.
    const opened = async (): Promise<boolean> => {
      await away.killMurmur();
      await becomes(away, "locked");
      const isOpen = (await unlock(away, next)).code === 0;
      if (!isOpen) await unlock(away, key);
      await becomes(away, "active");
      return isOpen;
    };
    await eventually("it opens with the new key", opened, (isOpen) => isOpen, { everyMs: 2_000, limitMs: 30_000 });
    expect((await unlock(away, next)).stderr).toContain("swarm is not locked");
    await whole();
  });

  it("is turned off, and nobody asks for a key any more", async () => {
    await docker(cluster.first, "swarm update --autolock=false");
    for (const host of cluster.hosts)
      await eventually(
        `${host.name} keeps its key itself`,
        () => inClear(host),
        (files) => files > 0,
        SOON,
      );
    await Promise.all(cluster.hosts.map((host) => host.killMurmur()));
    await whole();
  });
});
