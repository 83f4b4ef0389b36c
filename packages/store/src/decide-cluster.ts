import { DEFAULT_NETWORK_NAME, type Cluster, type Command, type Index } from "@murmur/model";
import { accepted, putCluster, putNetwork, type Context, type Decision } from "./decision.ts";
import { addressingFor } from "./network-addressing.ts";
import { refused, type Refusal } from "./result.ts";

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
  const { spec, unlockKey = context.state.cluster()?.unlockKey } = command;
  if (spec.autolock !== true) return change(context, command.version, () => ({ spec }), "unlockKey");
  if (unlockKey === undefined) return refused("failed_precondition", "autolock needs an unlock key");
  return change(context, command.version, () => ({ spec, unlockKey }));
}

export function rotateJoinSecret(context: Context, command: Of<"rotateJoinSecret">): Decision {
  const { joinSecret, role } = command;
  return change(context, command.version, ({ secrets }) => {
    if (role === undefined) return { secrets: { ...secrets, joinSecret } };
    const { worker, manager } = secrets.roleSecrets ?? { worker: secrets.joinSecret, manager: secrets.joinSecret };
    return { secrets: { ...secrets, roleSecrets: { worker, manager, [role]: joinSecret } } };
  });
}

/** The leader's own: it rotates the gossip keys and the CA, one step at a time, so no version guards it. */
export function setSecrets(context: Context, command: Of<"setSecrets">): Decision {
  return change(context, undefined, () => ({ secrets: command.secrets }));
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
