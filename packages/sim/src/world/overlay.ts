import { clusterLabels, EngineNetworks, ownerLabels, type GuestRuntime, type NetworkRuntime } from "@murmur/agent";
import type { Log, NodeId, Random } from "@murmur/base";
import type { ClusterId } from "@murmur/model";
import { Overlay, overlayPlaneOf, type OverlayParts, type OverlayPlane } from "@murmur/network";
import { ClusterBridges, guestSource, OverlayNetworks, removeEngineNetworks, type MemberOverlay } from "@murmur/node";
import type { HostKernel } from "./host-kernel.ts";
import type { SimulatedNames } from "./names.ts";
import type { Process } from "./process.ts";

/** Whose overlay a host has: what the daemon notes on its disk. */
export interface OverlayOwner {
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
}

export interface OverlayWorld {
  readonly process: Process;
  readonly kernel: HostKernel;
  /** As the process sees it. */
  readonly engine: NetworkRuntime & GuestRuntime;
  readonly log: Log;
}

interface OverlayStart extends OverlayOwner {
  readonly underlay: string;
  readonly names: SimulatedNames;
  readonly random: Random;
}

/** Nothing is published in a way that only a proxy can serve. */
const NO_PROXIES: OverlayParts["proxies"] = {
  update: () => {},
  avoid: () => {},
  settled: () => undefined,
  holds: () => true,
  listeners: () => [],
  retry: async () => {},
  stats: () => ({ connections: 0, connectionsTotal: 0, refused: 0, flows: 0, packetsDropped: 0 }),
  workers: 0,
  [Symbol.asyncDispose]: async () => {},
};

/** The product's overlay plane over a host's kernel, with all that decides something in it. */
export function openOverlay(
  { process, kernel, engine, log }: OverlayWorld,
  { clusterId, nodeId, underlay, names, random }: OverlayStart,
): MemberOverlay & { readonly plane: OverlayPlane } {
  const { clock } = process;
  const runtime = new EngineNetworks(engine, clock);
  const bridges = new ClusterBridges({ clusterId, nodeId, runtime, guests: engine, underlay, log });
  const plane = overlayPlaneOf(
    { self: nodeId, underlay, publishAddress: "0.0.0.0", bridges, clock, log },
    {
      overlay: new Overlay(kernel.openedBy(process)),
      host: kernel.seenBy(process),
      dns: names.part,
      proxies: NO_PROXIES,
      subnets: [],
    },
  );
  const resolverFile = async (): Promise<string> => "/var/lib/murmur/overlay/resolv.conf";
  const guests = guestSource({ engine, clusterId, nodeId, plane, clock, random, log });
  return { plane, networks: new OverlayNetworks({ plane, bridges, resolverFile }), guests };
}

/** Takes away what an overlay has left on a host, as the daemon does when it has left a cluster. */
export async function removeOverlay(
  { process, kernel, engine, log }: OverlayWorld,
  owner: OverlayOwner,
): Promise<void> {
  await using overlay = new Overlay(kernel.openedBy(process));
  const { problems } = await overlay.close();
  for (const problem of problems) log.warn("the kernel's part of the overlay is not quite removed", { problem });
  const runtime = new EngineNetworks(engine, process.clock);
  const { signal } = new AbortController();
  const remove = async (): Promise<void> => {
    // Containers that somebody has connected by hand run on without them.
    for (const name of await runtime.networks(clusterLabels(owner.clusterId), { signal }))
      await engine.evict(name, { signal });
    await removeEngineNetworks({ ...owner, runtime }, () => new Set(), { signal });
  };
  await remove().catch(() => {
    log.warn("the engine's networks could not be removed", {
      labels: JSON.stringify(ownerLabels(owner.clusterId, owner.nodeId)),
    });
  });
}
