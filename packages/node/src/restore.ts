import { hostname as machineName } from "node:os";
import { loadBackups, type RestoreRequest } from "@murmur/api";
import { ClusterError, nodeId, type Clock, type Millis, type NodeId, type Random } from "@murmur/base";
import {
  createCsr,
  createNodeKey,
  GOSSIP_KEYS_MAX,
  newSealKey,
  newUnlockKey,
  parseGossipKey,
  parseSealKey,
  sealKeyName,
  SecretSealer,
  type SealKey,
} from "@murmur/identity";
import { sealedThings, type Cluster, type Command, type DataPlaneKind } from "@murmur/model";
import { authorityTexts, keyDigest, type CallMember } from "./admission.ts";
import type { AuthoritySigner } from "./authority-signer.ts";
import { nextNumber, signGeneration, statementSigner, type Generation } from "./generation.ts";
import type { StoredNode } from "./identity-store.ts";
import { sealUnlockKey } from "./lock-keeper.ts";
import type { Bootstrap } from "./manager-host-options.ts";
import { readBackup, type ReadBackup } from "./read-backup.ts";
import { refuseIfAlive } from "./restore-guard.ts";
import { secretContext } from "./seal-desk.ts";

export interface RestoreOptions {
  readonly backup: ReadBackup;
  /** `IP:port` that this node tells the others. */
  readonly address: string;
  readonly request: RestoreRequest;
  readonly hostname: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
  /** Has this node's certificate signed. */
  readonly signer: Pick<AuthoritySigner, "sign">;
  readonly signal: AbortSignal;
}

/** What a node begins with that takes a cluster up again from a backup, as its only manager. */
export interface RestoredCluster extends Pick<StoredNode, "identity"> {
  readonly generation: Generation;
  readonly peers: readonly { readonly id: NodeId; readonly address: string }[];
  /** Left out: `ports`. */
  readonly dataPlane: DataPlaneKind | undefined;
  readonly bootstrap: Required<Bootstrap>;
}

/**
 * Reads a backup to its end, makes sure that its cluster is gone (unless it is forced), and makes this machine a new node
 * of it. Nothing is changed yet.
 */
export async function takeUpBackup(
  options: Omit<RestoreOptions, "backup"> & { readonly call: (signal: AbortSignal) => CallMember },
): Promise<RestoredCluster> {
  const { request, address, call, clock } = options;
  const { openBackup } = await loadBackups();
  const backup = await readBackup(await openBackup(request.backup));
  if (!request.force) await refuseIfAlive(backup, { self: address, call, clock });
  return restoredCluster({ ...options, backup });
}

/** Makes this machine a new node of the backup's cluster: key, certificate, generation, and the first commands. */
export async function restoredCluster(options: RestoreOptions): Promise<RestoredCluster> {
  const { backup, address, request, clock, random, newId, signer, signal } = options;
  const { cluster, state } = backup;
  const now = clock.now();
  const self = nodeId(newId());
  const sealKeys = sealKeysFor(backup, request.secretsKey);
  const keyPem = await createNodeKey();
  const certificatePem = await signer.sign({ cluster, csrPem: await createCsr({ keyPem }), nodeId: self }, signal);
  const number = nextNumber(now, backup.generation, (bound) => random.below(bound));
  const unsigned = { number, origin: "restore", manager: { id: self, address } } as const;
  const others = request.forgetNodes ? [] : state.store.view.nodes().filter((node) => node.address !== address);
  return {
    identity: {
      nodeId: self,
      clusterId: cluster.id,
      ...authorityTexts(cluster),
      certificatePem,
      keyPem,
      gossipKeys: cluster.secrets.gossipKeys.map(parseGossipKey),
      sealKeys,
    },
    generation: signGeneration(unsigned, { clusterId: cluster.id, by: statementSigner(cluster) }),
    peers: others.map((node) => ({ id: node.id, address: node.address })),
    dataPlane: cluster.dataPlane,
    bootstrap: {
      state,
      commands: [
        ...firstCommands(options, self, keyDigest(certificatePem)),
        ...sealKeyAnew(cluster, { sealKeys, isNew: request.secretsKey === "new", now }),
        ...unlockKeyAnew(backup, { sealKeys, isNew: request.secretsKey === "new", now }),
      ],
    },
  };
}

/** The record names a key that isn't among those that this cluster goes on with: the first of these takes its place. */
function sealKeyAnew(
  { sealKey }: Cluster,
  { sealKeys, isNew, now }: { readonly sealKeys: readonly SealKey[]; readonly isNew: boolean; readonly now: Millis },
): Command[] {
  const names = sealKeys.map(sealKeyName);
  const [next] = names;
  if (sealKey === undefined || next === undefined || names.some(({ digest }) => digest === sealKey.digest)) return [];
  return [{ kind: "replaceSealKey", next, isSealing: !isNew, now }];
}

/** Without the keys of secrets nobody can say the unlock key: there is another one from now on. */
function unlockKeyAnew(
  { cluster }: ReadBackup,
  { sealKeys, isNew, now }: { readonly sealKeys: readonly SealKey[]; readonly isNew: boolean; readonly now: Millis },
): Command[] {
  if (!isNew || cluster.unlockKey === undefined) return [];
  const { id, spec, version } = cluster;
  const unlockKey = sealUnlockKey(newUnlockKey(), { sealKeys, clusterId: id });
  return [{ kind: "updateCluster", version, spec, unlockKey, now }];
}

/** The keys are in no backup: whoever restores one brings them, or does without the secrets. */
function sealKeysFor({ state, cluster }: ReadBackup, given: string | undefined): readonly SealKey[] {
  const secrets = sealedThings(state.store.view);
  if (given === "new" || (given === undefined && secrets.length === 0)) return [newSealKey()];
  if (given === undefined) {
    throw new ClusterError(
      "failed_precondition",
      `the backup has ${String(secrets.length)} secrets, logins or unlock keys and not the key that opens them: give it with --secrets-key KEY (murmur cluster secrets-key shows it on a manager of that cluster), or --secrets-key new to create them anew`,
    );
  }
  const keys = given.split(",").slice(0, GOSSIP_KEYS_MAX).map(parseSealKey);
  const sealer = new SecretSealer(keys);
  const shut = secrets.find(({ id, sealed }) => sealer.open(sealed, secretContext(cluster.id, id)) === undefined);
  if (shut === undefined) return keys;
  throw new ClusterError("failed_precondition", `the key doesn't open the backup's ${shut.name}`);
}

/** Nobody manages any more but this node; whoever had its address is gone, and so is everybody, if so asked. */
function firstCommands(options: RestoreOptions, self: NodeId, digest: string): Command[] {
  const { backup, address, request, hostname, clock } = options;
  const now = clock.now();
  const commands: Command[] = [{ kind: "setRaftRoles", roles: {}, now }];
  for (const node of backup.state.store.view.nodes()) {
    if (request.forgetNodes) commands.push({ kind: "removeNode", id: node.id, force: true, now });
    else if (node.address === address) {
      const message = "the cluster was restored on another node at its address";
      commands.push({ kind: "setNodeState", id: node.id, state: "down", message, now });
    }
  }
  commands.push(
    {
      kind: "createNode",
      id: self,
      address,
      keyDigest: digest,
      hostname: hostname ?? machineName(),
      labels: request.labels,
      availability: request.availability,
      now,
    },
    { kind: "setRaftRoles", roles: { [self]: "voter" }, now },
  );
  return commands;
}
