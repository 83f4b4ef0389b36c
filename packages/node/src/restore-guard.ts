import { ClusterError, type Clock, type Millis } from "@murmur/base";
import { certificatesIn, rootName } from "@murmur/identity";
import { trustedRoots } from "@murmur/model";
import type { CallMember } from "./admission.ts";
import type { ReadBackup } from "./read-backup.ts";

/** Asks a node whether its cluster has a leader. Anybody may: it says yes or no, and nothing else. */
export const ALIVE_METHOD = "alive";
const ALIVE_MS: Millis = 3_000;
/** Nodes of the backup that are asked; managers first. */
const ASKED_MAX = 16;

export interface GuardOptions {
  /** This node's own address; who had it before is not asked. */
  readonly self: string;
  readonly call: (signal: AbortSignal) => CallMember;
  readonly clock: Clock;
}

/**
 * Refuses to restore a cluster that still runs: its nodes would step over to the restored one as soon as they met it, and
 * lose all that is newer. A node that doesn't answer in time doesn't count.
 */
export async function refuseIfAlive({ cluster, state }: ReadBackup, options: GuardOptions): Promise<void> {
  const { self, clock } = options;
  const asking = new AbortController();
  const call = options.call(asking.signal);
  const roots = new Set(trustedRoots(cluster).map(rootName));
  const caDigestCheck = (authoritiesPem: string): void => {
    if (certificatesIn(authoritiesPem).some((pem) => roots.has(rootName(pem)))) return;
    throw new ClusterError("unauthenticated", "another cluster");
  };
  const { promise: answered, resolve } = Promise.withResolvers<string | undefined>();
  const timer = clock.setTimer(ALIVE_MS, () => resolve(undefined));
  const ask = async (address: string): Promise<void> => {
    // Whatever goes wrong: nobody is there, or another cluster is by now. Neither is an objection.
    const answer = await call(address, { caDigestCheck, method: ALIVE_METHOD, body: {} }).catch(() => false);
    if (answer === true) resolve(address);
  };
  const asked = state.store.view
    .nodes()
    .filter(({ address }) => address !== self)
    .toSorted((left, right) => Number(left.raftRole === "none") - Number(right.raftRole === "none"))
    .slice(0, ASKED_MAX);
  Promise.all(asked.map(({ address }) => ask(address))).then(
    () => resolve(undefined),
    () => resolve(undefined),
  );
  const alive = await answered;
  timer.cancel();
  asking.abort(new ClusterError("cancelled", "enough was heard"));
  if (alive === undefined) return;
  throw new ClusterError(
    "failed_precondition",
    `the cluster of this backup still runs, ${alive} answers: nothing was restored; say --force to take it back to the backup, which loses all that is newer`,
  );
}
