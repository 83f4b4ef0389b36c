import type { Host } from "../world/host.ts";
import type { Observer } from "../world/observer.ts";
import type { World } from "../world/world.ts";
import { BoundsChecks } from "./bounds-checks.ts";
import { ClusterChecks } from "./cluster-checks.ts";
import { EndpointChecks } from "./endpoint-checks.ts";
import { GossipChecks } from "./gossip-checks.ts";
import { GuestChecks } from "./guest-checks.ts";
import { NameChecks } from "./name-checks.ts";
import { RaftChecks } from "./raft-checks.ts";
import { RenderChecks } from "./render-checks.ts";
import { Judge } from "./violation.ts";

export interface AllChecks {
  /** To be added to the world's observers before its first host starts. */
  readonly observers: readonly Observer[];
  /** What can only be compared at the end. Throws. */
  final(): void;
  /** A host's disk was damaged on purpose, or is about to be: what it acknowledged before it may lose. */
  excuse(host: Host): void;
}

/** Everything that must hold at every moment of a world, whatever goes wrong. */
export function allChecks(world: World): AllChecks {
  const judge = new Judge(() => world.queue.now);
  const [raft, cluster] = [new RaftChecks(judge), new ClusterChecks(judge)];
  return {
    observers: [
      raft,
      cluster,
      new EndpointChecks(judge),
      new NameChecks(judge),
      new GuestChecks(judge, world),
      new RenderChecks(judge),
      new GossipChecks(judge),
      new BoundsChecks(judge),
    ],
    final: () => cluster.final(),
    excuse: (host) => raft.excuse(host),
  };
}
