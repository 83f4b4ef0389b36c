import { isIP } from "node:net";
import { ClusterError, messageOf, type Clock, type Log, type Millis } from "@murmur/base";
import { formatAddress, parseAddress } from "@murmur/transport";
import { advertiseAddress } from "./advertise-address.ts";
import type { CallMember } from "./admission.ts";
import type { DaemonOptions } from "./daemon-options.ts";
import type { IdentityStore, StoredMembership, StoredNode } from "./identity-store.ts";
import { DEFAULT_LISTEN, listenAddress } from "./peer-address.ts";
import { whoIs } from "./who-is.ts";

/** Nobody answers at an address that is free, which shows at once; one that is nowhere is silent. */
const ASK_MS: Millis = 2_000;

/** What the daemon was told of this node's addresses when it was started. */
export type ToldAddresses = Pick<DaemonOptions, "listenAddr" | "advertiseAddr">;

/**
 * Where a node listens that comes into a cluster, and what it was told to advertise. Errors: `failed_precondition` when the
 * request says something else than the daemon, whose word would count again at its next start.
 */
export function requestedAddresses(
  request: { readonly listenAddr?: string; readonly advertiseAddr?: string },
  told: ToldAddresses,
): { readonly listen: string; readonly advertise: string | undefined } {
  const one = (flag: string, asked: string | undefined, known: string | undefined): string | undefined => {
    if (asked === undefined || known === undefined || asked === known) return asked ?? known;
    throw new ClusterError(
      "failed_precondition",
      `the daemon was started with ${flag} ${known}, which counts at each of its starts: leave ${flag} out here, or start the daemon with ${asked}`,
    );
  };
  return {
    listen:
      one("--listen-addr", request.listenAddr && listenAddress(request.listenAddr), told.listenAddr) ??
      formatAddress(DEFAULT_LISTEN),
    advertise: one("--advertise-addr", request.advertiseAddr, told.advertiseAddr),
  };
}

/**
 * Where a node of a cluster is from now on: what its daemon was told at this start, else as before. When only the listen
 * address is another one, the advertised one follows as far as it was the same.
 */
export function presentAddresses(
  stored: Pick<StoredMembership, "listen" | "address">,
  told: ToldAddresses,
): Pick<StoredMembership, "listen" | "address"> {
  const listen = told.listenAddr ?? stored.listen;
  const to = parseAddress(listen);
  if (told.advertiseAddr !== undefined) return { listen, address: advertiseAddress(told.advertiseAddr, to) };
  if (listen === stored.listen) return { listen, address: stored.address };
  const [from, known] = [parseAddress(stored.listen), parseAddress(stored.address)];
  const isWildcard = to.host === "0.0.0.0" || to.host === "::";
  const host = known.host === from.host && !isWildcard ? to.host : known.host;
  return { listen, address: formatAddress({ host, port: known.port === from.port ? to.port : known.port }) };
}

export interface MoveOptions {
  readonly told: ToldAddresses;
  readonly identities: Pick<IdentityStore, "writeMembership">;
  readonly edge: {
    checkListenable(address: string): Promise<void>;
    callMember(signal: AbortSignal): CallMember;
  };
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Takes up the addresses that the daemon was told, durably, before anybody hears of them. Errors, before anything has
 * changed: what `advertiseAddress` throws; `port_conflict`; `already_exists` when another node of the cluster answers
 * there; `failed_precondition` for an address that the cluster's networks can't go over.
 */
export async function moveTo(stored: StoredNode, options: MoveOptions): Promise<StoredMembership> {
  const { told, identities, edge, clock, log } = options;
  const { membership, identity } = stored;
  const now = { ...membership, ...presentAddresses(membership, told) };
  if (now.listen !== membership.listen) await edge.checkListenable(now.listen);
  else if (now.address === membership.address) return membership;
  if (now.dataPlane === "overlay") refuseOtherFamily(membership.address, now.address);
  if (now.address !== membership.address) {
    const { signal } = new AbortController();
    const call = (until: AbortSignal): CallMember => edge.callMember(until);
    const asked = { caPem: identity.caPem, call, clock, limitMs: ASK_MS, signal };
    const other = await whoIs(now.address, asked).catch((error: unknown) => {
      log.debug("nobody answers at the new address yet", { error: messageOf(error) });
      return undefined;
    });
    if (other !== undefined && other !== identity.nodeId) {
      throw new ClusterError(
        "already_exists",
        `${now.address} is the address of node ${other}, which answers there: give this node's own with --advertise-addr`,
      );
    }
    log.info("this node has another address", { before: membership.address, now: now.address });
  }
  await identities.writeMembership(now);
  return now;
}

/** The tunnels of an overlay's networks join addresses of one family: a node of the other would be left out of them. */
function refuseOtherFamily(before: string, address: string): void {
  const [known, told] = [before, address].map((text) => isIP(parseAddress(text).host));
  if (known === told) return;
  throw new ClusterError(
    "failed_precondition",
    `${address} is an IPv${String(told)} address, and the networks of this cluster go over IPv${String(known)}: give an IPv${String(known)} address with --advertise-addr`,
  );
}
