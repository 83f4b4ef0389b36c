import { clusterLabels, type Runtime } from "@murmur/agent";
import { loadServer, type Api, type Engine, type Metrics } from "@murmur/api";
import { ClusterError, type Clock, type Log, type Random } from "@murmur/base";
import { caDigest, formatToken, namedGossipKey, newJoinSecret, newUnlockKey } from "@murmur/identity";
import { clusterId, joinSecretOf } from "@murmur/model";
import type { NodeState } from "@murmur/storage";
import type { AuthoritySigner } from "./authority-signer.ts";
import { IdentityStore } from "./identity-store.ts";
import { LocalNodeControl } from "./local-node.ts";
import type { LocalNodeEdge, LocalNodeOptions, LocalNodeStart } from "./local-node-options.ts";
import type { Member } from "./member.ts";
import { nextRoot } from "./next-root.ts";
import { agentRecords, forgetAgentRecords } from "./record-store.ts";
import { MURMUR_VERSION } from "./version.ts";

export interface NodeOptions {
  readonly daemon: LocalNodeOptions["daemon"];
  /** The node's small records. */
  readonly state: NodeState;
  readonly runtime: Runtime;
  readonly edge: LocalNodeEdge;
  /** The local engine, as the API passes requests on to it. */
  readonly engine: Engine;
  readonly metrics: (member: () => Member | undefined) => Metrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
  readonly log: Log;
}

export interface OpenedNode {
  readonly control: LocalNodeControl;
  readonly api: Api;
}

/** Puts a node together: its way into clusters and out of them, and the API over it. Nothing runs yet: see `resume`. */
export async function openNode(options: NodeOptions): Promise<OpenedNode> {
  const { daemon, state, runtime, edge, engine, metrics, clock, random, newId, log } = options;
  const { createApi } = await loadServer();
  const identities = new IdentityStore(state);
  const start: LocalNodeStart = {
    hostname: daemon.hostname,
    identities,
    runtime,
    records: agentRecords(state),
    answer: (request) => api.fetchForwarded(request),
    answerTasks: (request) => api.fetchAsked(request),
    forgetTasks: () => forgetAgentRecords(state),
    ...(edge.callExternalCa && { callExternalCa: edge.callExternalCa }),
    clock,
    random,
    newId,
    log,
  };
  const control = new LocalNodeControl({ daemon, identities, start, edge });
  const api = createApi({
    murmurVersion: MURMUR_VERSION,
    clock,
    log,
    newId,
    node: control,
    cluster: () => control.member()?.cluster(),
    forward: (request) => {
      const member = control.member();
      if (member === undefined)
        return Promise.reject(new ClusterError("unavailable", "this node is still joining the cluster"));
      return member.forward(request);
    },
    askNode: (node, request) => {
      const member = control.member();
      if (member === undefined)
        return Promise.reject(new ClusterError("unavailable", "this node is in no cluster now"));
      return member.askNode(node, request);
    },
    engine,
    volumes: {
      held: () => control.member()?.agent.volumes() ?? [],
      labels: () => {
        const identity = control.member()?.identity;
        return identity === undefined ? {} : clusterLabels(clusterId(identity.clusterId));
      },
      changed: () => control.member()?.agent.volumesChanged(),
    },
    tokens: {
      newSecret: newJoinSecret,
      newUnlockKey,
      newGossipKey: namedGossipKey,
      format: ({ caPem, secrets }, role) =>
        formatToken({ caDigest: caDigest(caPem), secret: joinSecretOf(secrets, role) }),
    },
    authority: {
      next: (cluster, { given, spec }, signal) =>
        nextRoot(cluster, { given, now: clock.now(), outside: { signer: signerOf(control), spec, signal } }),
      check: (cluster, spec, signal) => signerOf(control).check(cluster, spec.externalCas, signal),
    },
    metrics: metrics(() => control.member()),
  });
  return { control, api };
}

function signerOf(control: LocalNodeControl): AuthoritySigner {
  const member = control.member();
  if (member === undefined) throw new ClusterError("unavailable", "this node is in no cluster now");
  return member.signer;
}
