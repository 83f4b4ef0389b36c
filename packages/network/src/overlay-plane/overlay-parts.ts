import type { NetworkId } from "@murmur/model";
import type { DnsServer } from "../dns/server.ts";
import type { Overlay } from "../overlay/kernel/overlay.ts";
import type { LossWatcher } from "./link-watch.ts";
import type { OverlayProxies } from "./overlay-proxies.ts";

/** What the plane asks about its host, beside what the overlay reads there. Each rejects when it can't be found out. */
export interface OverlayHost {
  /** See `hostSubnets`. */
  subnets(): Promise<readonly string[]>;
  /** The names of the host's bridges. */
  bridges(): Promise<ReadonlySet<string>>;
  /** See `containerPorts`. */
  containerPorts(netns: string, networkIds: readonly NetworkId[]): Promise<ReadonlyMap<NetworkId, string>>;
  /** Tells of losses as they happen. Left out: nobody tells, and the checks find them. */
  readonly watch?: (watcher: LossWatcher) => Disposable;
}

/** What a plane is made of. */
export interface OverlayParts {
  readonly overlay: Overlay;
  readonly host: OverlayHost;
  readonly dns: Pick<
    DnsServer,
    "update" | "meet" | "avoid" | "know" | "listenAt" | "listeners" | "retry" | "stats" | typeof Symbol.asyncDispose
  >;
  readonly proxies: Pick<
    OverlayProxies,
    "update" | "avoid" | "settled" | "holds" | "listeners" | "retry" | "stats" | "workers" | typeof Symbol.asyncDispose
  >;
  /** Of the host, at first. */
  readonly subnets: readonly string[];
}
