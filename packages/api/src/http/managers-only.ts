import { ClusterError } from "@murmur/base";
import { hostnameOf } from "@murmur/store";
import type { Context } from "hono";
import type { ClusterAccess } from "./context.ts";

/** Refuses what another node has forwarded, with the names of those where it can be had. `what` is a sentence. */
export async function managersOnly(access: ClusterAccess, context: Context, what: string): Promise<ClusterError> {
  const managers = (await access.read(context, "local")).nodes().filter(({ raftRole }) => raftRole === "voter");
  const names = managers.map((node) => node.spec.name ?? hostnameOf(node) ?? node.id).join(", ");
  return new ClusterError("forbidden", `${what} on one of them (${names})`);
}
