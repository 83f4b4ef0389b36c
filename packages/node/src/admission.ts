import { createHash, X509Certificate } from "node:crypto";
import { hostname as machineName } from "node:os";
import { ClusterError, codeOf, nodeId, type Clock, type Log, type Millis, type NodeId } from "@murmur/base";
import {
  caDigest,
  certificatesIn,
  checkCaDigest,
  createCsr,
  parseGossipKey,
  parseToken,
  secretMatches,
  type NodeIdentity,
} from "@murmur/identity";
import type { Manager } from "@murmur/manager";
import {
  chainBehind,
  joinSecretOf,
  trustedRoots,
  type Availability,
  type Cluster,
  type DataPlaneKind,
} from "@murmur/model";
import { joinCall, parseAddress, formatAddress } from "@murmur/transport";
import { z } from "zod";
import { readGeneration, signGeneration, statementSigner, type Generation } from "./generation.ts";
import type { AuthoritySigner } from "./authority-signer.ts";
import { refuseNetworksInUse } from "./subnet-overlap.ts";
import { MURMUR_VERSION } from "./version.ts";

export const JOIN_METHOD = "join";
export const ADMIT_METHOD = "admit";
const JOIN_TIMEOUT_MS: Millis = 12_000;

const reason = z.string().max(1_000).optional();
const admissionRequest = z.object({
  secret: z.string().max(100),
  csrPem: z.string().max(10_000),
  hostname: z.string().min(1).max(255),
  /** `IP:port`, or `:port` for the address that the request comes from. */
  address: z.string().max(100),
  labels: z.record(z.string().max(200), z.string().max(1_000)),
  availability: z.enum(["active", "pause", "drain"]),
  version: z.string().max(50),
  /** For each data plane that it can't do: why. Left out by software that knows of none but `ports`. */
  cannot: z.object({ ports: reason, overlay: reason }).optional(),
  /** What its host has addresses in, or routes to, as far as it could have an overlay. */
  subnets: z.array(z.string().max(50)).max(256).optional(),
});
type AdmissionRequest = z.infer<typeof admissionRequest>;

const admission = z.object({
  nodeId: z.string(),
  clusterId: z.string(),
  caPem: z.string(),
  certificatePem: z.string(),
  chainPem: z.string(),
  gossipKeys: z.array(z.string()),
  address: z.string(),
  peers: z.array(z.object({ id: z.string(), address: z.string() })),
  /** Left out: `ports`. */
  dataPlane: z.enum(["ports", "overlay"]).optional(),
  generation: z.unknown(),
});
export type Admission = z.infer<typeof admission>;

/** Hex SHA-256 of a certificate's public key: a node is its key. */
export function keyDigest(certificatePem: string): string {
  const { publicKey } = new X509Certificate(certificatePem);
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

export interface Joined {
  readonly identity: NodeIdentity;
  readonly address: string;
  readonly peers: readonly { readonly id: NodeId; readonly address: string }[];
  readonly dataPlane: DataPlaneKind;
  /** Which life of the cluster it joins; undefined in the first. */
  readonly generation: Generation | undefined;
}

/** A call of a node that has no certificate yet; see `joinCall` of the transport. */
export type CallMember = (
  address: string,
  request: { readonly caDigestCheck: (chainPem: string) => void; readonly method: string; readonly body: unknown },
) => Promise<unknown>;

/** Calls over the network. */
export const callMember =
  (clock: Clock, signal: AbortSignal): CallMember =>
  (address, request) =>
    joinCall(address, { ...request, timeoutMs: JOIN_TIMEOUT_MS, clock, software: MURMUR_VERSION, signal });

export interface JoinOptions {
  readonly token: string;
  /** This node's key; the same one when it asks again, since it is by its key that it gets the same place again. */
  readonly keyPem: string;
  readonly addresses: readonly string[];
  readonly advertise: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly availability: Availability;
  /** Undefined: the machine's name. */
  readonly hostname: string | undefined;
  /** Why this machine can't do a data plane; undefined: it can. */
  readonly canDo: (plane: DataPlaneKind) => Promise<string | undefined>;
  /** What this machine has addresses in, or routes to. Only asked where it can do the overlay. */
  readonly hostSubnets: () => Promise<readonly string[]>;
  readonly call: CallMember;
}

/**
 * Asks a member of a cluster to let this node in. The members are tried in order; a refusal is final, an address that
 * does not answer is not. The CA is checked against the token before the secret is sent.
 */
export async function askToJoin(options: JoinOptions): Promise<Joined> {
  const { keyPem, advertise, labels, availability, canDo, hostSubnets } = options;
  const cannot = { ports: await canDo("ports"), overlay: await canDo("overlay") };
  const token = parseToken(options.token);
  const body: AdmissionRequest = {
    secret: token.secret,
    csrPem: await createCsr({ keyPem }),
    hostname: options.hostname ?? machineName(),
    address: advertise,
    labels: { ...labels },
    availability,
    version: MURMUR_VERSION,
    cannot,
    ...(cannot.overlay === undefined && { subnets: [...(await hostSubnets())] }),
  };
  const caDigestCheck = (authoritiesPem: string): void => {
    const shown = certificatesIn(authoritiesPem);
    if (shown.some((pem) => checkCaDigest(pem, token.caDigest))) return;
    const theirs = shown.map((pem) => `${caDigest(pem).slice(0, 8)}…`).join(", ");
    throw new ClusterError(
      "unauthenticated",
      `the token is for another cluster, or from before its root was rotated: its CA digest is ${token.caDigest.slice(0, 8)}…, the node's ${theirs}; get the line from \`murmur cluster join-token\` there`,
    );
  };
  let problem: unknown;
  for (const address of options.addresses) {
    try {
      const answer = await options.call(address, { caDigestCheck, method: JOIN_METHOD, body });
      return joinedFrom(admission.parse(answer), keyPem);
    } catch (error) {
      problem = error;
      const code = codeOf(error);
      if (code !== "unavailable" && code !== "timeout" && code !== "no_leader") throw error;
    }
  }
  throw problem ?? new ClusterError("invalid_argument", "give the address of a node of the cluster");
}

function joinedFrom(answer: Admission, keyPem: string): Joined {
  return {
    generation: readGeneration(answer.generation, answer),
    identity: {
      nodeId: nodeId(answer.nodeId),
      clusterId: answer.clusterId,
      caPem: answer.caPem,
      certificatePem: answer.certificatePem,
      chainPem: answer.chainPem,
      keyPem,
      gossipKeys: answer.gossipKeys.map(parseGossipKey),
      // It gets them from the other managers when it becomes one.
      sealKeys: [],
    },
    address: answer.address,
    peers: answer.peers.map(({ id, address }) => ({ id: nodeId(id), address })),
    dataPlane: answer.dataPlane ?? "ports",
  };
}

/** What a node is to trust, and to show behind a certificate that is signed now. */
export const authorityTexts = (cluster: Cluster): Pick<NodeIdentity, "caPem"> & { readonly chainPem: string } => ({
  caPem: joined(trustedRoots(cluster)),
  chainPem: joined(chainBehind(cluster)),
});

/** The statement of a generation, signed by the root that signs now. Null in the first. */
export function statementAnew(generation: Generation | undefined, cluster: Cluster): Generation | null {
  if (generation === undefined) return null;
  const { signature: _signature, signerPem: _signer, ...unsigned } = generation;
  return signGeneration(unsigned, { clusterId: cluster.id, by: statementSigner(cluster) });
}

const joined = (pems: readonly string[]): string => pems.map((pem) => `${pem.trimEnd()}\n`).join("");

/** Murmur's own token, whose nodes become managers as they are needed, and Docker's two. */
const TOKENS = [{ role: undefined }, { role: "worker" }, { role: "manager" }] as const;

export interface AdmissionOptions {
  readonly newId: () => string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly remoteAddress: string;
  /** The manager's. */
  readonly generation: Generation | undefined;
  readonly signer: Pick<AuthoritySigner, "sign">;
}

/** Decides on a node that wants to join, on a manager: checks the secret, records the node, signs its certificate. */
export async function admit(manager: Manager, body: unknown, options: AdmissionOptions): Promise<Admission> {
  const { newId, clock, log, signal, remoteAddress, generation, signer } = options;
  const parsed = admissionRequest.safeParse(body);
  if (!parsed.success)
    throw new ClusterError(
      "invalid_argument",
      "the join request is malformed; is the node's version the same as the cluster's?",
    );
  const request = parsed.data;
  const view = await manager.read(signal);
  const cluster = view.cluster();
  if (cluster === undefined) throw new ClusterError("no_leader", "the cluster is not ready yet; try again in a moment");
  const token = TOKENS.find(({ role }) => secretMatches(request.secret, joinSecretOf(cluster.secrets, role)));
  if (token === undefined) {
    log.warn("a node with a wrong join token was refused", { from: remoteAddress, hostname: request.hostname });
    throw new ClusterError(
      "unauthenticated",
      "a valid join token is necessary to join this cluster, and this one is none (any more): get the present one with `murmur cluster join-token`",
    );
  }
  const dataPlane = cluster.dataPlane ?? "ports";
  refuseUnable(dataPlane, request.cannot);
  refuseNetworksInUse(view.networks(), request.subnets ?? []);
  const id = nodeId(newId());
  const address = request.address.startsWith(":")
    ? formatAddress({ host: remoteAddress, port: Number(request.address.slice(1)) })
    : formatAddress(parseAddress(request.address));
  const sign = (node: NodeId): Promise<string> =>
    signer.sign({ cluster, csrPem: request.csrPem, nodeId: node }, signal);
  const certificatePem = await sign(id);
  const admitted = await manager.submit(
    {
      kind: "createNode",
      id,
      address,
      keyDigest: keyDigest(certificatePem),
      joinSecret: request.secret,
      ...(token.role !== undefined && { pinnedRole: token.role }),
      hostname: request.hostname,
      labels: request.labels,
      availability: request.availability,
      now: clock.now(),
    },
    signal,
  );
  // A node that asks again, because the answer was lost, is the node that it was made the first time.
  const given = nodeId(admitted.id ?? id);
  log.info("a node joined", { node: given, hostname: request.hostname, address });
  return {
    nodeId: given,
    clusterId: cluster.id,
    ...authorityTexts(cluster),
    certificatePem: given === id ? certificatePem : await sign(given),
    gossipKeys: [...cluster.secrets.gossipKeys],
    address,
    peers: view
      .nodes()
      .filter((node) => node.id !== given)
      .map((node) => ({ id: node.id, address: node.address })),
    dataPlane,
    generation: statementAnew(generation, cluster),
  };
}

/** A node with another data plane than the cluster's would run tasks that nobody reaches: it isn't let in. */
function refuseUnable(dataPlane: DataPlaneKind, cannot: AdmissionRequest["cannot"]): void {
  const why = cannot === undefined && dataPlane !== "ports" ? "its software is too old" : cannot?.[dataPlane];
  if (why === undefined) return;
  throw new ClusterError(
    "failed_precondition",
    `the cluster's data plane is ${dataPlane}, which this node can't do: ${why}`,
  );
}
