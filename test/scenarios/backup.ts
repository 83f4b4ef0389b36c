import { loadBackups } from "@murmur/api";
import { readBackup, type ReadBackup } from "@murmur/node";
import type { Host } from "./host.ts";
import type { World } from "./world.ts";

const { signal } = new AbortController();

/** What a backup of a host's state holds, as another machine reads it. The host has to have a manager. */
export async function backupOf(world: World, host: Host): Promise<ReadBackup> {
  const manager = world.manager(host);
  if (manager === undefined) throw new Error("it is no manager");
  const { index, term, view, chunks } = await world.during(manager.snapshot(signal));
  const { encodeBackup, openBackup } = await loadBackups();
  const counts = { nodes: view.nodes().length, services: view.services().length, tasks: view.taskCount };
  const about = { clusterId: "c1", clusterName: "default", takenAt: world.clock.now(), murmurVersion: "0.1.0", counts };
  const file = encodeBackup({ ...about, index, term, generation: world.generation(host) }, chunks);
  return readBackup(await openBackup(file));
}
