import { createHash, X509Certificate } from "node:crypto";
import { hostname as machineName } from "node:os";
import { ClusterError, codeOf, isId, nodeId, type Clock, type Log, type Millis, type NodeId } from "@murmur/base";
import {
  caDigest,
  checkCaDigest,
  createCsr,
  parseGossipKey,
  parseToken,
  secretMatches,
  signNodeCertificate,
  type NodeIdentity,
} from "@murmur/identity";
import type { Manager } from "@murmur/manager";
import { joinSecretOf, type Availability, type DataPlaneKind } from "@murmur/model";
import { joinCall, parseAddress, formatAddress } from "@murmur/transport";
import { z } from "zod";
import { refuseNetworksInUse } from "./subnet-overlap.ts";
import { MURMUR_VERSION } from "./version.ts";

export const JOIN_METHOD = "join";
export const ADMIT_METHOD = "admit";
export const RENEW_METHOD = "renew";
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
  gossipKeys: z.array(z.string()),
  address: z.string(),
  peers: z.array(z.object({ id: z.string(), address: z.string() })),
  /** Left out: `ports`. */
  dataPlane: z.enum(["ports", "overlay"]).optional(),
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
  const caDigestCheck = (chainPem: string): void => {
    const caPem = lastCertificate(chainPem);
    if (checkCaDigest(caPem, token.caDigest)) return;
    throw new ClusterError(
      "unauthenticated",
      `the token is for another cluster: its CA digest is ${token.caDigest.slice(0, 8)}…, the node's ${caDigest(caPem).slice(0, 8)}…; get the line from \`murmur cluster join-token\` there`,
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
    identity: {
      nodeId: nodeId(answer.nodeId),
      clusterId: answer.clusterId,
      caPem: answer.caPem,
      certificatePem: answer.certificatePem,
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

/** The authority's certificate: the last one of a chain. */
export const lastCertificate = (chainPem: string): string => {
  const certificates = chainPem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  return certificates?.at(-1) ?? chainPem;
};

/** Murmur's own token, whose nodes become managers as they are needed, and Docker's two. */
const TOKENS = [{ role: undefined }, { role: "worker" }, { role: "manager" }] as const;

/** Decides on a node that wants to join, on a manager: checks the secret, records the node, signs its certificate. */
export async function admit(
  manager: Manager,
  body: unknown,
  options: {
    readonly newId: () => string;
    readonly clock: Clock;
    readonly log: Log;
    readonly signal: AbortSignal;
    readonly remoteAddress: string;
  },
): Promise<Admission> {
  const { newId, clock, log, signal, remoteAddress } = options;
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
    signNodeCertificate({
      ca: { certificatePem: cluster.caPem, keyPem: cluster.secrets.caKeyPem },
      csrPem: request.csrPem,
      nodeId: node,
      clusterId: cluster.id,
      now: clock.now(),
      validityMs: cluster.spec.nodeCertificateValidityMs,
    });
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
    caPem: cluster.caPem,
    certificatePem: given === id ? certificatePem : await sign(given),
    gossipKeys: [...cluster.secrets.gossipKeys],
    address,
    peers: view
      .nodes()
      .filter((node) => node.id !== given)
      .map((node) => ({ id: node.id, address: node.address })),
    dataPlane,
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

const renewalRequest = z.object({ csrPem: z.string().max(10_000) });
const renewal = z.object({ certificatePem: z.string(), caPem: z.string() });

/** Signs a new certificate for a node of the cluster, on a manager; the node has shown its present one to the transport. */
export async function renew(
  manager: Manager,
  from: NodeId,
  body: unknown,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<z.infer<typeof renewal>> {
  const view = await manager.read(options.signal);
  const cluster = view.cluster();
  if (cluster === undefined || view.node(from) === undefined || !isId(from)) {
    throw new ClusterError("forbidden", "this node was removed from the cluster");
  }
  const { csrPem } = renewalRequest.parse(body);
  const certificatePem = await signNodeCertificate({
    ca: { certificatePem: cluster.caPem, keyPem: cluster.secrets.caKeyPem },
    csrPem,
    nodeId: from,
    clusterId: cluster.id,
    now: options.clock.now(),
    validityMs: cluster.spec.nodeCertificateValidityMs,
  });
  if (keyDigest(certificatePem) !== view.node(from)?.keyDigest) {
    throw new ClusterError("forbidden", "a node is its key: the renewal names another one");
  }
  return { certificatePem, caPem: cluster.caPem };
}

/** Reads what `renew` answered. */
export const parseRenewal = (answer: unknown): z.infer<typeof renewal> => renewal.parse(answer);
