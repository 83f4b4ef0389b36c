import type { LocalNodeOptions } from "./local-node-options.ts";

/** Removes what a membership has left on this machine, but for its identity. */
export async function wipeLeftovers({
  edge,
  identities,
  start,
}: Pick<LocalNodeOptions, "edge" | "identities" | "start">): Promise<void> {
  await edge.wipeOverlay?.();
  await edge.wipeLog();
  await identities.forgetGeneration();
  await start.forgetTasks();
}
