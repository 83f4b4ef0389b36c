import type { Millis, NodeId } from "@murmur/base";
import {
  equal,
  joinSecretOf,
  holdsAddress,
  hostOf,
  isTerminal,
  knownBlock,
  LIMITS,
  parseIpAddress,
  singleLine,
  type ClusterNode,
  type Command,
  type NodeSpec,
  type Task,
} from "@murmur/model";
import type { Write } from "./change.ts";
import { noCluster, outOfSequence } from "./decide-cluster.ts";
import { accepted, putNode, putTask, remove, type Context, type Decision } from "./decision.ts";
import { isOverlay } from "./own-addresses.ts";
import { refused, type Refusal } from "./result.ts";
import { nameOfNode, type State } from "./state.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

/** A node joins. A key that is known keeps its id, its labels and its availability: it is the same node, come back. */
export function createNode({ state, index, now }: Context, command: Of<"createNode">): Decision {
  const cluster = state.cluster();
  if (cluster === undefined) return noCluster();
  if (command.joinSecret !== undefined && command.joinSecret !== joinSecretOf(cluster.secrets, command.pinnedRole)) {
    return refused(
      "unauthenticated",
      "a valid join token is necessary to join this cluster, and this one is none any more; get the current one with cluster join-token",
    );
  }
  const { id, address, keyDigest, hostname, pinnedRole } = command;
  const inside = networkAround(state, address);
  if (inside !== undefined) return inside;
  const unlike = isOverlay(state) ? nodeOfOtherFamily(state, address, keyDigest) : undefined;
  if (unlike !== undefined) return unlike;
  const rival = state.nodesAt(address).find((node) => node.keyDigest !== keyDigest && node.status.state === "ready");
  if (rival !== undefined) {
    return refused(
      "already_exists",
      `${address} is the address of node ${nameOfNode(rival)}, which is up: give another with --advertise-addr`,
    );
  }
  const known = state.nodeByKey(keyDigest);
  if (known !== undefined) {
    if (known.address === address && known.hostname === hostname) return accepted(known.id);
    return accepted(known.id, [putNode({ ...known, address, hostname, updatedAt: now, version: index })]);
  }
  if (state.node(id) !== undefined) return refused("already_exists", `node ${id} exists already, with another key`);
  if (state.nodes().length >= LIMITS.nodes)
    return refused("overloaded", `the cluster has ${LIMITS.nodes} nodes, the most it takes`);
  const node: ClusterNode = {
    id,
    spec: {
      labels: command.labels,
      availability: command.availability,
      ...(pinnedRole !== undefined && { pinnedRole }),
    },
    hostname,
    status: {
      state: "unknown",
      message: "has not connected yet",
      at: now,
      engine: { state: "down", message: "not reported yet", at: now },
    },
    address,
    raftRole: "none",
    keyDigest,
    ...(isOverlay(state) && { number: freeNumber(state) }),
    createdAt: now,
    updatedAt: now,
    version: index,
  };
  return accepted(id, [putNode(node)]);
}

/** A node whose address lies in a network of the cluster would lose the others: what it sends them stays in there. */
function networkAround(state: State, address: string): Refusal | undefined {
  const host = parseIpAddress(hostOf({ address }));
  for (const { spec, addressing } of host === undefined ? [] : state.networks()) {
    const subnets = [addressing?.ipv4, addressing?.ipv6].flatMap((used) => used?.subnet ?? []);
    const around = subnets.find((subnet) => host !== undefined && holdsAddress(knownBlock(subnet), host));
    if (around === undefined) continue;
    const why = `${address} lies within ${around} of network ${spec.name}`;
    return refused("failed_precondition", `${why}: give another address with --advertise-addr, or remove the network`);
  }
  return undefined;
}

/** The networks' tunnels join addresses of one family: nodes of the other would be left out of them. */
function nodeOfOtherFamily(state: State, address: string, keyDigest: string): Refusal | undefined {
  const family = familyOf(address);
  const other = state.nodes().find((node) => node.keyDigest !== keyDigest && familyOf(node.address) !== family);
  if (other === undefined) return undefined;
  const wanted = family === 4 ? 6 : 4;
  const why = `${address} is an IPv${family} address, and the networks of this cluster go over IPv${wanted}`;
  const as = `as node ${nameOfNode(other)} at ${other.address}`;
  return refused("failed_precondition", `${why}, ${as}: give an IPv${wanted} address with --advertise-addr`);
}

const familyOf = (address: string): 4 | 6 => (hostOf({ address }).includes(":") ? 6 : 4);

/** The smallest that no node has. */
function freeNumber(state: State): number {
  const used = new Set(state.nodes().map(({ number }) => number));
  let number = 1;
  while (used.has(number)) number += 1;
  return number;
}

export function describeNode({ state, index, now }: Context, command: Of<"describeNode">): Decision {
  const node = state.node(command.id);
  if (node === undefined) return noNode(command.id);
  const { description = node.description, address = node.address, volumes: held = node.volumes } = command;
  const known = node.status.engine;
  const { state: engineState, message } = command.engine ?? known;
  const at = engineState === known.state ? known.at : now;
  const status = { ...node.status, engine: { state: engineState, message: singleLine(message), at } };
  const { volumes: _, ...rest } = node;
  const volumes = held !== undefined && held.length > 0 && { volumes: held };
  const { certificate = node.certificate } = command;
  const next = {
    ...rest,
    ...(description && { description }),
    status,
    address,
    ...volumes,
    ...(certificate && { certificate }),
  };
  if (equal(next, node)) return accepted(node.id);
  return accepted(node.id, [putNode({ ...next, updatedAt: now, version: index })]);
}

export function setNodeState({ state, index, now }: Context, command: Of<"setNodeState">): Decision {
  const node = state.node(command.id);
  if (node === undefined) return noNode(command.id);
  const message = singleLine(command.message);
  if (node.status.state === command.state && node.status.message === message) return accepted(node.id);
  const status = { ...node.status, state: command.state, message, at: now };
  return accepted(node.id, [putNode({ ...node, status, updatedAt: now, version: index })]);
}

/** Roles as raft's membership has them; nodes that are not named have none. Unknown nodes are passed over. */
export function setRaftRoles({ state, index, now }: Context, command: Of<"setRaftRoles">): Decision {
  const roles = new Map(Object.entries(command.roles));
  const writes: Write[] = [];
  for (const node of state.nodes()) {
    const raftRole = roles.get(node.id) ?? "none";
    if (raftRole !== node.raftRole) writes.push(putNode({ ...node, raftRole, updatedAt: now, version: index }));
  }
  return accepted(undefined, writes);
}

export function updateNode({ state, index, now }: Context, command: Of<"updateNode">): Decision {
  const node = state.node(command.id);
  if (node === undefined) return noNode(command.id);
  if (command.version !== node.version) return outOfSequence(`node ${nameOfNode(node)}`, node.version, command.version);
  const { spec } = command;
  const namesake = state
    .nodes()
    .find((other) => other.id !== node.id && spec.name !== undefined && other.spec.name === spec.name);
  if (namesake !== undefined) return refused("name_conflict", `node ${namesake.id} has the name ${spec.name} already`);
  if (spec.pinnedRole === "worker" && node.spec.pinnedRole !== "worker" && !otherMayManage(state, node.id)) {
    return refused(
      "failed_precondition",
      "attempting to demote the last manager of the cluster; promote another node first",
    );
  }
  const { drainUntil: _before, ...rest } = node;
  return accepted(node.id, [putNode({ ...rest, spec, ...drainOf(node, spec, now), updatedAt: now, version: index })]);
}

/** The grace of a drain begins when it is asked for; asking for the same again makes it no longer. */
function drainOf(node: ClusterNode, { drain }: NodeSpec, now: Millis): Pick<ClusterNode, "drainUntil"> {
  if (drain === undefined) return {};
  const isKnown = node.drainUntil !== undefined && node.spec.drain?.deadlineMs === drain.deadlineMs;
  return { drainUntil: isKnown ? node.drainUntil : now + drain.deadlineMs };
}

const otherMayManage = (state: State, id: NodeId): boolean =>
  state.nodes().some((other) => other.id !== id && other.spec.pinnedRole !== "worker");

/** A node goes for good; what ran there is lost, so that it is replaced. */
export function removeNode({ state, index, now }: Context, command: Of<"removeNode">): Decision {
  const node = state.node(command.id);
  if (node === undefined) return noNode(command.id);
  if (node.raftRole === "voter") {
    const refusal = losesQuorum(state, node);
    if (refusal !== undefined) return refusal;
  }
  if (node.status.state !== "down" && !command.force) {
    return refused(
      "failed_precondition",
      `node ${nameOfNode(node)} is not down and can't be removed; stop it first, or use --force`,
    );
  }
  const orphans = orphansOf(state, node.id).map((task) => orphaned(task, "the node was removed", { index, now }));
  return accepted(node.id, [remove("nodes", node.id), ...orphans]);
}

/** Raft counts a voter until the leader has taken it out; the others alone must be able to do that. */
function losesQuorum(state: State, node: ClusterNode): Refusal | undefined {
  const voters = state.nodes().filter((other) => other.raftRole === "voter");
  const left = voters.filter((other) => other.id !== node.id && other.status.state === "ready").length;
  const needed = Math.floor(voters.length / 2) + 1;
  if (left >= needed) return undefined;
  return refused(
    "failed_precondition",
    `node ${nameOfNode(node)} is a manager that the cluster can't do without (${left} of ${voters.length} would be left, ${needed} are needed); demote it first`,
  );
}

/** Gives up what a node that is down for long, or gone, was running. Services that wait for a node wait for one that is down. */
export function orphanTasks({ state, index, now }: Context, command: Of<"orphanTasks">): Decision {
  const node = state.node(command.nodeId);
  if (node?.status.state === "ready") {
    return refused("failed_precondition", `node ${nameOfNode(node)} is up; its tasks are its own to report`);
  }
  const message = singleLine(command.message);
  const isWaitedFor = ({ serviceId }: Task): boolean =>
    node !== undefined && state.service(serviceId)?.spec.onNodeLoss?.kind === "wait";
  const given = orphansOf(state, command.nodeId).filter((task) => !isWaitedFor(task));
  const orphans = given.map((task) => orphaned(task, message, { index, now }));
  return accepted(command.nodeId, orphans);
}

const orphansOf = (state: State, id: NodeId): readonly Task[] =>
  state.tasksOfNode(id).filter((task) => !isTerminal(task.status.state));

function orphaned(task: Task, message: string, { index, now }: Pick<Context, "index" | "now">): Write {
  return putTask({
    ...task,
    status: { ...task.status, state: "orphaned", at: now, message },
    updatedAt: now,
    version: index,
  });
}

export const noNode = (id: NodeId): Refusal => refused("not_found", `node ${id} not found`);
