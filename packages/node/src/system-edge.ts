import type { Log } from "@murmur/base";
import { machineSubnets } from "@murmur/network";
import { callMember } from "./admission.ts";
import type { DaemonOptions } from "./daemon-options.ts";
import { callExternalCa } from "./external-ca.ts";
import { checkListenable } from "./listen-check.ts";
import type { LocalNodeEdge } from "./local-node-options.ts";
import { systemClock } from "./system-clock.ts";
import { planeObstacle, thisMachine } from "./plane-obstacle.ts";
import { wipeOverlay, type OverlayRuntime } from "./overlay-wires.ts";
import { removeLogs, systemWires } from "./system-wires.ts";

/** The machine's own sockets, disk and kernel, for its memberships. */
export const systemEdge = (
  options: DaemonOptions,
  { runtime, log }: { readonly runtime: OverlayRuntime; readonly log: Log },
): LocalNodeEdge => ({
  wires: (start) => systemWires(options, start, runtime),
  checkListenable,
  canDo: (plane) => planeObstacle(plane, thisMachine),
  hostSubnets: machineSubnets,
  callMember: (signal) => callMember(systemClock, signal),
  callExternalCa,
  wipeLog: () => removeLogs(options),
  wipeOverlay: () => wipeOverlay(options.dataDir, { runtime, clock: systemClock, log }),
});
