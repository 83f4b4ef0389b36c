import { ClusterError, type NodeId } from "@murmur/base";
import type { UserCommand } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Context } from "hono";
import type { ApiPorts, Cluster, Committed, Consistency } from "../ports.ts";

/** A request to the replica waits this long at the most: for a leader, for the disk of a majority. */
const REQUEST_MS = 20_000;

/** Aborted when the client goes away or the request's time is over. */
export const requestSignal = (context: Context): AbortSignal =>
  AbortSignal.any([context.req.raw.signal, AbortSignal.timeout(REQUEST_MS)]);

/** What the routes of the cluster use of the ports: reading, writing and naming, each once. */
export class ClusterAccess {
  readonly ports: ApiPorts;

  constructor(ports: ApiPorts) {
    this.ports = ports;
  }

  /** Errors: `unavailable` when this node is no manager (any more). */
  cluster(): Cluster {
    const cluster = this.ports.cluster();
    if (cluster !== undefined) return cluster;
    throw new ClusterError("unavailable", "this node is no manager any more: try again");
  }

  /** `?consistency=local` on any GET asks for what the replica has, also when there is no leader. */
  read(context: Context, consistency: Consistency = wantedConsistency(context)): Promise<View> {
    return this.cluster().read(consistency, requestSignal(context));
  }

  submit(context: Context, command: Untimed): Promise<Committed> {
    const timed: UserCommand = { ...command, now: this.ports.clock.now() };
    return this.cluster().submit(timed, { signal: requestSignal(context) });
  }

  leader(): NodeId | undefined {
    return this.ports.cluster()?.standing().leader;
  }
}

function wantedConsistency(context: Context): Consistency {
  const wanted = context.req.query("consistency") ?? "linearizable";
  if (wanted === "linearizable") return wanted;
  if (wanted === "local" && context.req.method === "GET") return wanted;
  throw new ClusterError("invalid_argument", `invalid consistency '${wanted}': a GET takes linearizable or local`);
}

type WithoutTime<T> = T extends unknown ? Omit<T, "now"> : never;
/** A command before time is put in. */
export type Untimed = WithoutTime<UserCommand>;
