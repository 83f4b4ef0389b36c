import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  clusterLabels,
  EngineNetworks,
  type GuestRuntime,
  type LocalNetworkRuntime,
  type NetworkRuntime,
} from "@murmur/agent";
import { messageOf, type Clock, type Log, type Millis } from "@murmur/base";
import { clusterId } from "@murmur/model";
import { openOverlayPlane, removeOverlay, type OverlayPlaneOptions } from "@murmur/network";
import { parseAddress } from "@murmur/transport";
import { z } from "zod";
import { ClusterBridges, removeEngineNetworks } from "./cluster-bridges.ts";
import { guestSource } from "./guest-source.ts";
import { LocalNetworks } from "./local-networks.ts";
import type { MemberStart } from "./member.ts";
import type { MemberOverlay } from "./member-wires.ts";
import { OverlayNetworks } from "./overlay-networks.ts";
import { resolverFiles } from "./resolver-files.ts";

/** How long the engine may take to remove what a membership has left there; what stays is told. */
const REMOVAL_MS: Millis = 20_000;

const owner = z.object({ clusterId: z.string() });

/** The folder of the overlay's files: the containers' resolvers, and whose overlay it is. There is one only where there was an overlay. */
const folderIn = (dataDir: string): string => join(dataDir, "overlay");
const ownerIn = (dataDir: string): string => join(folderIn(dataDir), "owner.json");

/** What an overlay needs of the engine. */
export type OverlayRuntime = NetworkRuntime & LocalNetworkRuntime & GuestRuntime;

export interface OverlayWiresOptions extends Pick<
  OverlayPlaneOptions,
  "publishAddress" | "dnsAddress" | "upstreams" | "workers" | "clock" | "random" | "log"
> {
  readonly dataDir: string;
  readonly runtime: OverlayRuntime;
  readonly start: Pick<MemberStart, "identity" | "membership">;
}

/** Opens this machine's overlay. What it leaves in the kernel and in the engine is known by a record in the data directory. */
export async function openOverlay(options: OverlayWiresOptions): Promise<MemberOverlay> {
  const { dataDir, start, clock } = options;
  const { identity, membership } = start;
  const ids = { clusterId: clusterId(identity.clusterId), nodeId: identity.nodeId };
  await mkdir(folderIn(dataDir), { recursive: true });
  await writeFile(ownerIn(dataDir), JSON.stringify(ids));
  const underlay = parseAddress(membership.address).host;
  const runtime = new EngineNetworks(options.runtime, clock);
  const bridges = new ClusterBridges({ ...ids, runtime, guests: options.runtime, underlay, log: options.log });
  const plane = await openOverlayPlane({ ...options, self: ids.nodeId, underlay, bridges });
  const { random, log } = options;
  return {
    plane,
    networks: new OverlayNetworks({
      plane,
      bridges,
      local: new LocalNetworks({ runtime: options.runtime, clock }),
      resolverFile: resolverFiles(folderIn(dataDir)),
    }),
    guests: guestSource({ engine: options.runtime, ...ids, plane, clock, random, log }),
  };
}

/**
 * Removes what an overlay of this machine has left in the kernel and in the engine, if there was one. Nothing uses it any
 * more. What can't be removed is logged, and stays: leaving a cluster doesn't wait for it.
 */
export async function wipeOverlay(
  dataDir: string,
  { runtime, clock, log }: { readonly runtime: OverlayRuntime; readonly clock: Clock; readonly log: Log },
): Promise<void> {
  const text = await readFile(ownerIn(dataDir), "utf8").catch(() => undefined);
  if (text === undefined) return;
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.warn(`${what} of the overlay that this node had could not be removed whole`, { error: messageOf(error) });
    }
  };
  await attempt("the kernel's part", () => removeOverlay());
  await attempt("the engine's networks", async () => {
    const whose = owner.parse(JSON.parse(text));
    const networks = { clusterId: clusterId(whose.clusterId), runtime: new EngineNetworks(runtime, clock) };
    const local = new LocalNetworks({ runtime, clock });
    const options = { signal: AbortSignal.timeout(REMOVAL_MS) };
    // Containers that somebody has connected by hand run on without them, as in Docker.
    const names = [
      ...(await runtime.networks(clusterLabels(networks.clusterId), options)),
      ...(await local.names(options)),
    ];
    for (const name of names) await runtime.evict(name, options);
    await removeEngineNetworks(networks, () => new Set(), options);
    await local.removeAllBut(() => new Set(), options);
  });
  await attempt("the files", () => rm(folderIn(dataDir), { recursive: true, force: true }));
}
