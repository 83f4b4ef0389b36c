import {
  beginRotation,
  DEFAULT_NETWORK_NAME,
  endRotation,
  isReadyFor,
  REPLACED_ROOTS_MAX,
  rootWithoutSigner,
  type Cluster,
  type Command,
  type Index,
} from "@murmur/model";
import { accepted, putCluster, putNetwork, type Context, type Decision } from "./decision.ts";
import { addressingFor } from "./network-addressing.ts";
import { refused, type Refusal } from "./result.ts";
import { nameOfNode } from "./state.ts";

type Of<K extends Command["kind"]> = Extract<Command, { kind: K }>;

export function createCluster({ state, index, now }: Context, command: Of<"createCluster">): Decision {
  const existing = state.cluster();
  if (existing !== undefined) {
    return refused(
      "already_in_cluster",
      `this is cluster ${existing.id} already; leave it before you make another one`,
    );
  }
  const { cluster, defaultNetworkId } = command;
  const spec = { name: DEFAULT_NETWORK_NAME, labels: {}, attachable: false, internal: false };
  const network = { id: defaultNetworkId, spec, createdAt: now, version: index };
  const made = putCluster({ ...cluster, createdAt: now, updatedAt: now, version: index });
  if (cluster.dataPlane !== "overlay") return accepted(cluster.id, [made, putNetwork(network)]);
  const addressing = addressingFor(state, cluster, network);
  return "ok" in addressing ? addressing : accepted(cluster.id, [made, putNetwork({ ...network, addressing })]);
}

export function updateCluster(context: Context, command: Of<"updateCluster">): Decision {
  const { spec, unlockKey = context.state.cluster()?.unlockKey, nextRoot } = command;
  const { replaced = [] } = context.state.cluster()?.rotation ?? {};
  if (nextRoot !== undefined && replaced.length >= REPLACED_ROOTS_MAX) {
    return refused(
      "failed_precondition",
      `the root is being rotated, and ${REPLACED_ROOTS_MAX} rotations were replaced before one had ended: bring the nodes up that are down, or remove them (node ls), and let this one end`,
    );
  }
  const rotated = (cluster: Cluster): Partial<Cluster> =>
    nextRoot === undefined ? {} : beginRotation(cluster, nextRoot);
  const current = context.state.cluster();
  const unsigned = current && rootWithoutSigner({ ...current, ...rotated(current) }, spec.externalCas);
  if (unsigned !== undefined) {
    return refused(
      "failed_precondition",
      `there must be at least one external CA corresponding to the ${unsigned} CA certificate, since the managers haven't got its key: keep it (--external-ca), or rotate to another root`,
    );
  }
  if (spec.autolock !== true)
    return change(context, command.version, (cluster) => ({ spec, ...rotated(cluster) }), "unlockKey");
  if (unlockKey === undefined) return refused("failed_precondition", "autolock needs an unlock key");
  return change(context, command.version, (cluster) => ({ spec, unlockKey, ...rotated(cluster) }));
}

export function rotateJoinSecret(context: Context, command: Of<"rotateJoinSecret">): Decision {
  const { joinSecret, role } = command;
  return change(context, command.version, ({ secrets }) => {
    if (role === undefined) return { secrets: { ...secrets, joinSecret } };
    const { worker, manager } = secrets.roleSecrets ?? { worker: secrets.joinSecret, manager: secrets.joinSecret };
    return { secrets: { ...secrets, roleSecrets: { worker, manager, [role]: joinSecret } } };
  });
}

/**
 * The leader's own. Whether all nodes are ready is looked at here and not only by the leader: one may have joined since,
 * with a certificate of before.
 */
export function advanceRotation({ state, index, now }: Context, command: Of<"advanceRotation">): Decision {
  const cluster = state.cluster();
  if (cluster === undefined) return noCluster();
  const { rotation } = cluster;
  if (rotation === undefined || rotation.root !== command.root || rotation.phase !== command.phase)
    return refused("out_of_date", "the rotation of the root is another one, or further, by now");
  const late = state.nodes().find(({ certificate }) => !isReadyFor(rotation, certificate));
  if (late !== undefined)
    return refused("failed_precondition", `node ${nameOfNode(late)} isn't ready for the next step of the rotation`);
  const further: Cluster =
    rotation.phase === "trust"
      ? { ...cluster, rotation: { ...rotation, phase: "renew" } }
      : endRotation(cluster, rotation);
  return accepted(cluster.id, [putCluster({ ...further, updatedAt: now, version: index })]);
}

function change(
  { state, index, now }: Context,
  version: Index | undefined,
  what: (cluster: Cluster) => Partial<Cluster>,
  without?: "unlockKey",
): Decision {
  const cluster = state.cluster();
  if (cluster === undefined) return noCluster();
  if (version !== undefined && version !== cluster.version)
    return outOfSequence("the cluster", cluster.version, version);
  const changed = { ...cluster, ...what(cluster), updatedAt: now, version: index };
  if (without !== undefined) delete changed[without];
  return accepted(cluster.id, [putCluster(changed)]);
}

export const noCluster = (): Refusal =>
  refused("not_in_cluster", "there is no cluster yet; make one with cluster init");

/** Docker's words first: its clients look for them. */
export const outOfSequence = (what: string, current: Index, given: Index): Refusal =>
  refused("out_of_date", `update out of sequence: ${what} is at version ${current}, not ${given}; read it again`);
