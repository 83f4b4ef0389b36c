import type { ServiceDryRun } from "@murmur/api";
import { expect, it } from "vitest";
import { eventually, type Host } from "../hosts/host.ts";
import { WEB_IMAGE, type HostCluster } from "../hosts/host-cluster.ts";

/** What the hosts of `itPlaces` have beside CPU and memory. */
export const GENERIC: Readonly<Record<string, string>> = { host2: "gpu=A,gpu=B", host3: "gpu=1,disk=3" };

interface TaskRow {
  readonly Node: string;
  readonly CurrentState: string;
  readonly Error: string;
}

/** Where tasks run, and what is said beforehand of it: tests on a cluster of three hosts that have what `GENERIC` says. */
export function itPlaces(cluster: () => HostCluster): void {
  const words = (text: string): string[] => text.split(" ");
  const murmur = (line: string): Promise<string> => cluster().first.murmur(...words(line));
  /** `VERB FLAGS…` of `murmur service`. */
  async function dryRun(line: string): Promise<ServiceDryRun> {
    const [verb = "", ...flags] = words(line);
    const text = await cluster().first.murmur("service", verb, "--dry-run", "--format", "json", ...flags);
    return JSON.parse(text) as ServiceDryRun;
  }
  const placesIn = ({ nodes }: ServiceDryRun): Record<string, number> =>
    Object.fromEntries(nodes.map(({ hostname, after }) => [hostname, after]));
  const isUp = ({ CurrentState }: TaskRow): boolean => CurrentState.startsWith("Running");
  const rows = (service: string): Promise<readonly TaskRow[]> =>
    cluster().first.json("service", "ps", "--filter", "desired-state=running", service);

  /** Waits for so many running tasks; how many each host has. */
  async function places(service: string, count: number): Promise<Record<string, number>> {
    const tasks = await eventually(
      `${String(count)} tasks of ${service} run`,
      () => rows(service),
      (found) => found.filter(isUp).length === count,
    );
    const counts: Record<string, number> = {};
    for (const { Node } of tasks.filter(isUp)) counts[Node] = (counts[Node] ?? 0) + 1;
    return counts;
  }

  async function containersOf(service: string, host: Host): Promise<readonly string[]> {
    const text = await host.ok("docker", "ps", "-q", "--filter", `label=com.docker.swarm.service.name=${service}`);
    return text === "" ? [] : text.split("\n");
  }

  async function remove(service: string): Promise<void> {
    await murmur(`service rm ${service}`);
    await eventually(
      `${service} has left nothing behind`,
      () => Promise.all(cluster().hosts.map((host) => containersOf(service, host))),
      (found) => found.flat().length === 0,
    );
  }

  /** The names of what the tasks on a host were given. */
  async function given(host: Host): Promise<readonly string[]> {
    const ids = await containersOf("train", host);
    const env = await Promise.all(
      ids.map((id) => host.ok("docker", "inspect", "--format", "{{json .Config.Env}}", id)),
    );
    return env.map((text) => /DOCKER_RESOURCE_GPU=([^"]*)/.exec(text)?.[1] ?? "none").toSorted();
  }

  it("gives each task what it asks for, and says beforehand where that is and what would wait", async () => {
    expect(await murmur("node inspect --pretty host2")).toMatch(/gpu/);
    const train = `--name train --generic-resource gpu=1 --replicas 4 ${WEB_IMAGE}`;
    const foreseen = await dryRun(`create ${train}`);
    expect(placesIn(foreseen)).toEqual({ host2: 2, host3: 1 });
    expect(foreseen.tasks).toEqual({ placed: 3, kept: 0, new: 3, stopped: 0, waiting: 1 });
    const [waiting] = foreseen.amiss;
    expect(waiting?.why).toBe("no suitable node (insufficient resources on 3 nodes)");
    expect(await murmur("service ls -q --filter name=train")).toBe("");

    await murmur(`service create --detach ${train}`);
    expect(await places("train", 3)).toEqual(placesIn(foreseen));
    expect((await rows("train")).find((task) => !isUp(task))?.Error).toBe(waiting?.why);
    expect(await given(cluster().host(1))).toEqual(["A", "B"]);
    expect(await given(cluster().host(2))).toEqual(["1"]);
  });

  it("shows what an update would change, and refuses one that was looked at before another", async () => {
    const fewer = await dryRun("update --replicas 3 train");
    expect(fewer.changes).toEqual([{ field: "Mode.Replicated.Replicas", before: 4, after: 3 }]);
    expect(fewer.tasks).toEqual({ placed: 3, kept: 3, new: 0, stopped: 0, waiting: 0 });
    const expected = `--expect-version ${String(fewer.service?.version)}`;
    await murmur(`service update ${expected} --replicas 3 train`);
    expect(await places("train", 3)).toEqual({ host2: 2, host3: 1 });
    const { code, stderr } = await cluster().first.run([
      "murmur",
      ...words(`service update ${expected} --replicas 1 train`),
    ]);
    expect(code).toBe(5);
    expect(stderr).toMatch(/^murmur: service train is at version \d+, not \d+: .*\n$/);
    const text = await murmur("service update --dry-run --generic-resource-rm gpu --generic-resource-add disk=1 train");
    expect(text).toMatch(/Tasks: 3 on nodes \(0 kept, 3 new\), 3 stopped\n/);
    expect(text).toMatch(/^host2 +2 +0\nhost3 +1 +3$/m);
    await remove("train");
  });

  it("keeps to constraints, and moves when they change", async () => {
    await murmur("node update --label-add disk=ssd host1");
    await murmur(`service create --detach --name kept --replicas 2 --constraint node.labels.disk==ssd ${WEB_IMAGE}`);
    expect(await places("kept", 2)).toEqual({ host1: 2 });
    const change = "--constraint-rm node.labels.disk==ssd --constraint-add node.hostname==host3 kept";
    expect(placesIn(await dryRun(`update ${change}`))).toEqual({ host1: 0, host3: 2 });
    await murmur(`service update ${change}`);
    expect(await places("kept", 2)).toEqual({ host3: 2 });
    await remove("kept");
    await murmur("node update --label-rm disk host1");
  });

  it("fills nodes up or evens the load out, as the service or the cluster says", async () => {
    const even = `--name even --reserve-memory 16M --replicas 3 ${WEB_IMAGE}`;
    const foreseen = async (flags = ""): Promise<readonly number[]> =>
      Object.values(placesIn(await dryRun(`create ${flags}${even}`)));
    expect(await foreseen()).toEqual([1, 1, 1]);
    await murmur("cluster update --strategy binpack");
    expect(await murmur("cluster info")).toMatch(/^Strategy: +binpack$/m);
    expect(await foreseen()).toEqual([3]);
    expect(await foreseen("--strategy spread ")).toEqual([1, 1, 1]);
    await murmur(`service create --detach ${even}`);
    expect(Object.values(await places("even", 3))).toEqual([3]);
    await remove("even");
    await murmur("cluster update --strategy spread");
  });
}
