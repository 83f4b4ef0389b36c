import { ClusterError, withSignals } from "@murmur/base";
import type { InitRequest, JoinRequest, RestoreRequest } from "@murmur/api";
import { parseToken } from "@murmur/identity";
import type { DataPlaneKind } from "@murmur/model";
import { parseAddress } from "@murmur/transport";
import { askToJoin, type CallMember } from "./admission.ts";
import { advertiseAddress } from "./advertise-address.ts";
import { AuthoritySigner } from "./authority-signer.ts";
import { foundCluster } from "./found-cluster.ts";
import { wipeLeftovers } from "./leftovers.ts";
import type { LocalNodeEdge, LocalNodeOptions } from "./local-node-options.ts";
import type { MemberStart } from "./member.ts";
import { withPort } from "./peer-address.ts";
import { takeUpBackup } from "./restore.ts";
import { refusePoolInUse } from "./subnet-overlap.ts";
import { requestedAddresses } from "./whereabouts.ts";

/*
 * What a member starts with for the first time: in a cluster of its own, in one that it joins, or in one that it takes up
 * again from a backup. Each resolves with that once the disk has what must be there before the member starts. Until they
 * have found out that it can be done they change nothing; whoever calls them takes back what they have come to.
 */
type FirstStart = Omit<MemberStart, "wires">;

export async function startOfNewCluster(
  { daemon, identities, start, edge }: LocalNodeOptions,
  given: InitRequest,
  signal: AbortSignal,
): Promise<FirstStart> {
  const plane = given.dataPlane ?? daemon.dataPlane;
  const request = plane === undefined ? given : { ...given, dataPlane: plane };
  const { listen, advertise } = requestedAddresses(request, daemon);
  const address = advertiseAddress(advertise, parseAddress(listen));
  await edge.checkListenable(listen);
  await requirePlane(edge, request.dataPlane);
  if (request.dataPlane === "overlay") refusePoolInUse(request.addressPool, await edge.hostSubnets());
  signal.throwIfAborted();
  // What an interrupted attempt left behind belongs to no cluster.
  await wipeLeftovers({ edge, identities, start });
  const { clock, newId } = start;
  const signer = firstSigner({ edge, start });
  const asked = { address, request, hostname: daemon.hostname, clock, newId, signer, signal };
  const { identity, commands, lock } = await foundCluster(asked);
  const membership = { listen, address, peers: [], dataPlane: request.dataPlane };
  await identities.writeMembership(membership);
  identities.lockWith(lock);
  return { ...start, identity, membership, bootstrap: { commands } };
}

export async function startByJoining(
  { daemon, identities, start, edge }: LocalNodeOptions,
  request: JoinRequest,
  signal: AbortSignal,
): Promise<FirstStart> {
  const { listen, advertise: said } = requestedAddresses(request, daemon);
  const { port, host } = parseAddress(listen);
  // Without an address of its own it is known by the one that its request comes from.
  const wildcard = host === "0.0.0.0" || host === "::";
  const advertise = said === undefined && wildcard ? `:${String(port)}` : advertiseAddress(said, { host, port });
  await edge.checkListenable(listen);
  signal.throwIfAborted();
  await wipeLeftovers({ edge, identities, start });
  const keyPem = await identities.joinKey({ ...request, caDigest: parseToken(request.token).caDigest });
  const joined = await askToJoin({
    ...request,
    addresses: request.addresses.map(withPort),
    keyPem,
    advertise,
    hostname: daemon.hostname,
    canDo: (plane) => edge.canDo(plane),
    hostSubnets: () => edge.hostSubnets(),
    call: edge.callMember(signal),
  });
  const { address, peers, dataPlane, generation, identity } = joined;
  const membership = { listen, address, peers, dataPlane };
  await identities.writeMembership(membership);
  if (generation !== undefined) await identities.writeGeneration(generation);
  await identities.writeIdentity(identity);
  return { ...start, identity, membership, generation, bootstrap: undefined };
}

export async function startFromBackup(
  { daemon, identities, start, edge }: LocalNodeOptions,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<FirstStart> {
  const { clock, random, newId } = start;
  const { listen, advertise } = requestedAddresses(request, daemon);
  const address = advertiseAddress(advertise, parseAddress(listen));
  await edge.checkListenable(listen);
  const call =
    (until: AbortSignal): CallMember =>
    (to, asked) =>
      withSignals([signal, until], (both) => edge.callMember(both)(to, asked));
  const options = { address, request, hostname: daemon.hostname, call, clock, random, newId, signal };
  const signer = firstSigner({ edge, start });
  const { identity, generation, peers, dataPlane, bootstrap } = await takeUpBackup({ ...options, signer });
  await requirePlane(edge, dataPlane);
  signal.throwIfAborted();
  await wipeLeftovers({ edge, identities, start });
  const membership = { listen, address, peers, dataPlane };
  await identities.writeMembership(membership);
  await identities.writeGeneration(generation);
  return { ...start, identity, membership, generation, bootstrap };
}

/** Signs this node's first certificate: it has none to show to external CAs. */
function firstSigner({ edge, start }: Pick<LocalNodeOptions, "edge" | "start">): AuthoritySigner {
  const { clock, log } = start;
  const call = edge.callExternalCa;
  return new AuthoritySigner({ ...(call && { call }), client: () => undefined, clock, log });
}

/** Errors: `failed_precondition` when this machine can't do the data plane. */
export async function requirePlane(edge: Pick<LocalNodeEdge, "canDo">, plane: DataPlaneKind = "ports"): Promise<void> {
  const why = await edge.canDo(plane);
  if (why !== undefined)
    throw new ClusterError("failed_precondition", `this node can't do the data plane ${plane}: ${why}`);
}
