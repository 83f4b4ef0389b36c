import { ClusterError, withDeadline, type Clock, type Millis, type NodeId } from "@murmur/base";
import type { Index, UserCommand } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Context } from "hono";
import type { ApiPorts, Cluster, Committed, Consistency } from "../ports.ts";

/** A request that asks several parts waits this long at the most. What the replica is asked is bounded by itself. */
const REQUEST_MS: Millis = 20_000;

/** Does something for a request with a signal that is aborted when the client goes away or the time is up. */
export const within = <T>(
  context: Context,
  { clock, limitMs = REQUEST_MS }: { readonly clock: Clock; readonly limitMs?: Millis },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => withDeadline({ clock, limitMs, late, signals: [context.req.raw.signal] }, work);

const late = (): Error => new ClusterError("timeout", "the cluster didn't answer in time: try again");

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
    return this.cluster().read(consistency, context.req.raw.signal);
  }

  /**
   * For an update that names the version it is based on: what this replica has will do if the object is at that version
   * here, for `apply` checks the version again. `find` throws when there is no such object.
   */
  async readForUpdate<T extends { readonly version: Index }>(
    context: Context,
    version: Index,
    find: (view: View) => T,
  ): Promise<{ readonly view: View; readonly object: T }> {
    const local = await this.read(context, "local");
    try {
      const object = find(local);
      if (object.version === version) return { view: local, object };
    } catch {
      // It may be there by now.
    }
    const view = await this.read(context, "linearizable");
    return { view, object: find(view) };
  }

  submit(context: Context, command: Untimed): Promise<Committed> {
    const timed: UserCommand = { ...command, now: this.ports.clock.now() };
    return this.cluster().submit(timed, { signal: context.req.raw.signal });
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
