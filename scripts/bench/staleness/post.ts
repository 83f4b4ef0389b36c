import { eventually, type Host } from "../../../test/hosts/host.ts";
import type { HostCluster } from "../../../test/hosts/host-cluster.ts";
import { tasksOf, type TaskContainer } from "../../../test/hosts/task-container.ts";
import { runningTasks } from "../services.ts";
import { NamespaceProbe } from "./namespace-probe.ts";

/** A host with what looks out on it: in its own namespace, and in that of a client container. */
export interface Post {
  readonly host: Host;
  readonly nodeId: string;
  readonly outside: NamespaceProbe;
  readonly inside: NamespaceProbe;
  /** The client's resolver. */
  readonly resolver: string;
}

/** Takes up posts on all hosts, at the tasks of the service `client`. */
export async function occupy({ first, hosts }: HostCluster): Promise<readonly Post[]> {
  const clients = await eventually(
    "every host has a client",
    async () => {
      const wanted = (await runningTasks(first, "client")).map(({ Status }) => Status.ContainerStatus?.ContainerID);
      const running = await tasksOf(hosts, "client");
      return running.length === hosts.length && running.every(({ id }) => wanted.includes(id)) ? running : [];
    },
    (tasks) => tasks.length > 0,
    { limitMs: 90_000 },
  );
  const nodes = await first.client.nodes();
  return await Promise.all(
    clients.map(async (client) => {
      const { host, netns } = client;
      const nodeId = nodes.find(({ Description }) => Description?.Hostname === host.name)?.ID;
      if (nodeId === undefined) throw new Error(`${host.name} is no node`);
      const resolver = await resolverOf(client);
      return { host, nodeId, resolver, outside: new NamespaceProbe(host), inside: new NamespaceProbe(host, netns) };
    }),
  );
}

export function leave(posts: readonly Post[]): void {
  for (const { outside, inside } of posts) {
    outside[Symbol.dispose]();
    inside[Symbol.dispose]();
  }
}

async function resolverOf(client: TaskContainer): Promise<string> {
  const { stdout } = await client.run("cat", "/etc/resolv.conf");
  const resolver = /nameserver (\S+)/.exec(stdout)?.[1];
  if (resolver === undefined) throw new Error(`${client.name} has no resolver`);
  return resolver;
}
