import { ClusterError } from "@murmur/base";
import type { Hono } from "hono";
import { setImmediate as nextTurn } from "node:timers/promises";
import { encodeBackup, type BackupHeader } from "../backup/backup-file.ts";
import type { StateSnapshot } from "../ports.ts";
import { within, type ClusterAccess } from "./context.ts";
import { managersOnly } from "./managers-only.ts";

/** Backups that are being sent at once on one manager; each keeps the state of its moment in memory. */
const BACKUPS_MAX = 2;

/**
 * `GET /murmur/cluster/backup`: the replicated state of this moment as a file, with all secrets of the cluster. For the
 * local users of a manager.
 */
export function addBackupRoutes(app: Hono, access: ClusterAccess): void {
  const { ports } = access;
  let underWay = 0;

  app.get("/murmur/cluster/backup", async (context) => {
    if (underWay >= BACKUPS_MAX)
      throw new ClusterError("overloaded", "too many backups are being taken: try again in a moment");
    underWay += 1;
    const ended = (): void => void (underWay -= 1);
    try {
      const snapshot = await within(context, ports, (signal) => access.cluster().snapshot(signal));
      const header = headerOf(snapshot, { takenAt: ports.clock.now(), murmurVersion: ports.murmurVersion });
      ports.log.info("a backup is being taken", { index: header.index });
      const body = streamOf(encodeBackup(header, paced(snapshot.chunks)), ended);
      return new Response(body, { headers: { "content-type": "application/octet-stream" } });
    } catch (error) {
      ended();
      throw error;
    }
  });
}

/**
 * For what other nodes forward: the keys in a backup stay among the managers, which have them anyway. A worker's
 * administrator would get with them what makes whoever has it every node of the cluster, for ever.
 */
export function refuseBackups(app: Hono, access: ClusterAccess): void {
  app.get("/murmur/cluster/backup", async (context) => {
    throw await managersOnly(access, context, "a backup holds the cluster's keys, which only managers have: take it");
  });
}

function headerOf(
  { view, index, term, generation }: StateSnapshot,
  about: Pick<BackupHeader, "takenAt" | "murmurVersion">,
): BackupHeader {
  const cluster = view.cluster();
  if (cluster === undefined) throw new ClusterError("no_leader", "the cluster is not ready yet; try again in a moment");
  return {
    clusterId: cluster.id,
    clusterName: cluster.spec.name,
    index,
    term,
    generation,
    ...about,
    counts: { nodes: view.nodes().length, services: view.services().length, tasks: view.taskCount },
  };
}

/** One chunk a turn of the event loop: other requests go on meanwhile. */
async function* paced(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    yield chunk;
    await nextTurn();
  }
}

/** The pieces as a body that is made as fast as it is read; `onEnd` is called once, however it ends. */
function streamOf(
  pieces: AsyncGenerator<Uint8Array<ArrayBuffer>>,
  onEnd: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let ended = false;
  const end = (): void => {
    if (!ended) onEnd();
    ended = true;
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const next = await pieces.next();
        if (next.done !== true) return controller.enqueue(next.value);
        end();
        controller.close();
      } catch (error) {
        end();
        controller.error(error);
      }
    },
    async cancel() {
      end();
      await pieces.return(undefined);
    },
  });
}
