import { ClusterError } from "@murmur/base";
import type { ClusterEvent } from "../murmur-types.ts";
import { readBody } from "./read-body.ts";
import type { AskCluster } from "./system-routes.ts";

/** A line longer than this is no event. */
const LINE_LENGTH_MAX = 4 * 1024 * 1024;

/**
 * What there is of a service, then what changes (see `ClusterEvent`), here or from a manager. Ends with the manager that it
 * comes from. Errors: as any request.
 */
export async function* clusterEvents(
  askCluster: AskCluster,
  service: string,
  signal: AbortSignal,
): AsyncGenerator<ClusterEvent, void, undefined> {
  const path = `/murmur/events?service=${encodeURIComponent(service)}&kinds=service,task`;
  const answer = await askCluster(new Request(`http://murmur${path}`, { signal }));
  if (!answer.ok || answer.body === null)
    throw new ClusterError("unavailable", `the cluster answered with status ${String(answer.status)}`);
  let rest = "";
  const decoder = new TextDecoder();
  for await (const piece of readBody(answer.body, signal)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_LENGTH_MAX) throw new ClusterError("corrupt", "an event of the cluster is too long");
    // An empty line only says that the stream is alive. The others were written by this package's own routes.
    for (const line of lines) if (line !== "") yield JSON.parse(line) as ClusterEvent;
  }
}
