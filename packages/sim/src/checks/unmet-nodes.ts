import { endpointTable, isUsable } from "@murmur/discovery";
import { equal, wantsToRun, type EndpointTable } from "@murmur/model";
import type { View } from "@murmur/store";
import { PROTOCOL } from "@murmur/transport";
import type { Host } from "../world/host.ts";
import type { Release } from "../world/release.ts";
import { idOf } from "./unmet-managers.ts";

/** The managers know every node as it is, and every node has a session. */
export function unmetNodes(view: View, hosts: readonly Host[]): string[] {
  const unmet: string[] = [];
  const ids = new Set(hosts.flatMap((host) => idOf(host) ?? []));
  for (const host of hosts) unmet.push(...unmetNode(view, host));
  for (const { id, status } of view.nodes()) {
    if (!ids.has(id) && status.state !== "down") unmet.push(`node ${id} is gone and counts as ${status.state}`);
  }
  const sessions = hosts.reduce((sum, host) => sum + (host.member?.host.manager()?.status().sessions ?? 0), 0);
  if (sessions !== ids.size) unmet.push(`${String(ids.size)} nodes have ${String(sessions)} sessions`);
  return unmet;
}

function unmetNode(view: View, host: Host): string[] {
  const { member, name } = host;
  if (member === undefined) return [`${name} is in no cluster`];
  const unmet: string[] = [];
  const { nodeId } = member.identity;
  const node = view.node(nodeId);
  if (node === undefined) return [`${name} is node ${nodeId}, which the managers don't know`];
  if (node.status.state !== "ready") unmet.push(`${name} counts as ${node.status.state}: ${node.status.message}`);
  if (node.status.engine.state !== "ready") unmet.push(`${name}'s engine counts as ${node.status.engine.state}`);
  if (node.address !== host.address) unmet.push(`${name} is known at ${node.address}, and is at ${host.address}`);
  const speaks = host.protocol ?? PROTOCOL;
  const known = node.description?.protocol;
  if (known?.min !== speaks.min || known.max !== speaks.max)
    unmet.push(`${name} is known to speak ${range(known)}, and speaks ${range(speaks)}`);
  const [told, held] = [node.volumes ?? [], host.engine.volumeNames()];
  if (!equal(told, held)) unmet.push(`${name} is known to hold ${told.join() || "nothing"}, and holds ${held.join()}`);
  const { connected, reportsPending, engineCallsWaiting } = member.agent.stats();
  if (!connected) unmet.push(`${name} has no session`);
  if (reportsPending > 0) unmet.push(`${name} has ${String(reportsPending)} reports that nobody has confirmed`);
  if (engineCallsWaiting > 0) unmet.push(`on ${name} ${String(engineCallsWaiting)} calls wait for the engine`);
  return unmet;
}

const range = (versions: Release | undefined): string =>
  versions === undefined ? "nothing" : `versions ${String(versions.min)} to ${String(versions.max)}`;

/** Every connection is spoken in the newest version that both its ends know. */
export function unmetVersions(hosts: readonly Host[]): string[] {
  const newest = (host: Host): number => (host.protocol ?? PROTOCOL).max;
  return hosts.flatMap((host) =>
    hosts.flatMap((other) => {
      const id = idOf(other);
      const spoken = id === undefined || other === host ? undefined : host.member?.transport.protocolWith(id);
      if (spoken === undefined || spoken === Math.min(newest(host), newest(other))) return [];
      return [`${host.name} and ${other.name} speak version ${String(spoken)} with each other`];
    }),
  );
}

/** Every node sends traffic where the managers' state says, and hides nothing that runs. */
export function unmetEndpoints(view: View, hosts: readonly Host[]): string[] {
  const truth = endpointTable(view);
  return hosts.flatMap((host) => {
    const { table, suspects } = host.plane ?? {};
    if (table === undefined) return truth.services.length === 0 ? [] : [`${host.name} has no endpoints`];
    if (!equal(table.services, truth.services) || !equal(table.networks, truth.networks))
      return [`${host.name} has other endpoints: ${difference(table, truth)}`];
    if (suspects === undefined) return [];
    return truth.services.flatMap(({ endpoints }) =>
      endpoints
        .filter((endpoint) => !isUsable(endpoint, suspects))
        .map(({ taskId }) => `${host.name} avoids task ${taskId}, which runs`),
    );
  });
}

function difference(own: EndpointTable, truth: EndpointTable): string {
  const ids = ({ services }: EndpointTable): Set<string> =>
    new Set(services.flatMap(({ endpoints }) => endpoints.map(({ taskId }) => taskId)));
  const [has, wanted] = [ids(own), ids(truth)];
  const [surplus, missing] = [has.difference(wanted), wanted.difference(has)];
  return `${[...surplus].join(" ") || "none"} too many, ${[...missing].join(" ") || "none"} missing, of version ${String(own.version)}`;
}

/** Every container belongs to a task that its node has, and every running task has one. */
export function unmetContainers(view: View, hosts: readonly Host[]): string[] {
  return hosts.flatMap((host) => {
    const id = idOf(host);
    const unmet: string[] = [];
    const live = new Set<string>();
    for (const container of host.engine.containers()) {
      const { name, request } = container;
      const task = view.task(request.task.id);
      if (container.live && live.has(request.task.id)) unmet.push(`${name} runs twice on ${host.name}`);
      if (container.live) live.add(request.task.id);
      if (request.node.nodeId !== id)
        unmet.push(`${name} on ${host.name} was made by ${request.node.nodeId}, which it is no more`);
      else if (task === undefined) unmet.push(`${name} on ${host.name} belongs to no task`);
      else if (task.nodeId !== id)
        unmet.push(`${name} on ${host.name} belongs to a task of ${task.nodeId ?? "no node"}`);
      else if (container.live && !wantsToRun(task.desiredState))
        unmet.push(`${name} runs on ${host.name}, wanted ${task.desiredState}`);
    }
    for (const task of id === undefined ? [] : view.tasksOfNode(id)) {
      const runs = task.desiredState === "running" && task.status.state === "running";
      if (runs && !live.has(task.id))
        unmet.push(`task ${task.id} counts as running on ${host.name} and has no container`);
    }
    return unmet;
  });
}
