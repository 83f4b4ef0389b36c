import { ClusterError, nodeId } from "@murmur/base";
import {
  configId,
  networkId,
  secretId,
  serviceId,
  taskId,
  taskName,
  type ClusterNode,
  type Config,
  type Network,
  type Secret,
  type Service,
  type Task,
} from "@murmur/model";
import { ingressNetwork, type View } from "@murmur/store";
import type { NetworkOf } from "../docker/attachment.ts";

/*
 * What a person may write for an object: its whole id, else its name, else the beginning of its id. As Docker: nothing
 * is a `not_found`, several are an `invalid_argument`.
 */

function only<T>(found: readonly T[], what: string, text: string): T {
  const [first, second] = found;
  if (first === undefined) throw new ClusterError("not_found", `${what} ${text} not found`);
  if (second === undefined) return first;
  throw new ClusterError("invalid_argument", `${what} ${text} is ambiguous (${String(found.length)} matches found)`);
}

export function findNode(view: View, text: string): ClusterNode {
  const exact = view.node(nodeId(text));
  return exact ?? only(view.nodesByNameOrId(text), "node", text);
}

/** A service that is being removed is gone for its users. */
export function findService(view: View, text: string): Service {
  const exact = view.service(serviceId(text));
  if (exact !== undefined && exact.removing !== true) return exact;
  const named = view.serviceByName(text);
  if (named !== undefined) return named;
  const begins = view.services().filter((service) => service.removing !== true && service.id.startsWith(text));
  return only(text === "" ? [] : begins, "service", text);
}

export function findTask(view: View, text: string): Task {
  const exact = view.task(taskId(text));
  if (exact !== undefined) return exact;
  const named: Task[] = [];
  const begins: Task[] = [];
  for (const task of view.tasks()) {
    if (text !== "" && task.id.startsWith(text)) begins.push(task);
    if (taskName(task) === text) named.push(task);
  }
  return only(named.length > 0 ? named : begins, "task", text);
}

/** The networks of this moment, for an answer that is still made while they change. */
export function networksNow(view: View): NetworkOf {
  const networks = new Map(view.networks().map((network) => [network.id, network]));
  return (id) => networks.get(id);
}

/** Those of the table that nobody has removed, and the ingress network that may be in none. */
export function allNetworks(view: View): readonly Network[] {
  const ingress = ingressNetwork(view);
  const networks = view.networks().filter(({ removing }) => removing !== true);
  return ingress === undefined || view.network(ingress.id) !== undefined ? networks : [...networks, ingress];
}

export function findNetwork(view: View, text: string): Network {
  const exact = view.network(networkId(text));
  if (exact !== undefined && exact.removing !== true) return exact;
  const all = allNetworks(view);
  const named = view.networkByName(text) ?? all.find(({ id, spec }) => id === text || spec.name === text);
  return named ?? only(text === "" ? [] : all.filter(({ id }) => id.startsWith(text)), "network", text);
}

export function findSecret(view: View, text: string): Secret {
  const exact = view.secret(secretId(text)) ?? view.secretByName(text);
  if (exact !== undefined) return exact;
  return only(text === "" ? [] : view.secrets().filter(({ id }) => id.startsWith(text)), "secret", text);
}

export function findConfig(view: View, text: string): Config {
  const exact = view.config(configId(text)) ?? view.configByName(text);
  if (exact !== undefined) return exact;
  return only(text === "" ? [] : view.configs().filter(({ id }) => id.startsWith(text)), "config", text);
}
