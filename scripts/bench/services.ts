import { codeOf } from "@murmur/base";
import type { ServiceSpec, Task } from "@murmur/api";
import type { Host } from "../../test/hosts/host.ts";
import { eventually } from "../../test/hosts/host.ts";
import { WEB_IMAGE } from "../../test/hosts/host-cluster.ts";

/** A service as a client sends it; `replicas` 0 makes it a mere write. */
export const specOf = (name: string, replicas: number, port?: number): ServiceSpec => ({
  Name: name,
  TaskTemplate: { ContainerSpec: { Image: WEB_IMAGE, StopGracePeriod: 1_000_000_000 }, Resources: {} },
  Mode: { Replicated: { Replicas: replicas } },
  ...(port === undefined
    ? {}
    : { EndpointSpec: { Ports: [{ Protocol: "tcp", TargetPort: 8080, PublishedPort: port }] } }),
});

/** The tasks of a service that are wanted and run. */
export async function runningTasks(host: Host, service: string): Promise<readonly Task[]> {
  const tasks = await host.client.tasks({ filters: { service: [service], "desired-state": ["running"] } });
  return tasks.filter(({ Status }) => Status?.State === "running");
}

/** Resolves when so many tasks run; how long that took, in seconds. */
export async function untilRunning(
  host: Host,
  service: string,
  count: number,
  good: (task: Task) => boolean = () => true,
): Promise<number> {
  const start = performance.now();
  await eventually(
    `${String(count)} tasks of ${service} run`,
    async () => (await runningTasks(host, service)).filter(good).length,
    (running) => running === count,
    { limitMs: 60_000, everyMs: 20 },
  );
  return (performance.now() - start) / 1_000;
}

/** Removes a service and waits until its containers are gone from all hosts. */
export async function removeService(hosts: readonly Host[], service: string): Promise<void> {
  const [asked] = hosts;
  // One that isn't there leaves nothing to remove.
  await asked?.client.removeService(service).catch((error: unknown) => {
    if (codeOf(error) !== "not_found") throw error;
  });
  await eventually(
    "the containers are gone",
    async () => (await Promise.all(hosts.map((host) => host.containers()))).flat().length,
    (left) => left === 0,
    { limitMs: 60_000 },
  );
}
