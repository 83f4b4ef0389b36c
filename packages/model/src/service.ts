import type { Millis, NodeId } from "@murmur/base";
import type { Index, NetworkId, ServiceId } from "./ids.ts";
import type { NetworkAddress } from "./network.ts";
import type { PortConfig, ServiceSpec } from "./service-spec.ts";

export type UpdateState =
  "updating" | "paused" | "completed" | "rollback_started" | "rollback_paused" | "rollback_completed";

/** The progress of a rolling update; in the replicated state, so that a new leader carries on where the old stopped. */
export interface UpdateStatus {
  readonly state: UpdateState;
  readonly startedAt: Millis;
  readonly completedAt?: Millis;
  readonly message: string;
}

export interface Service {
  readonly id: ServiceId;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
  /** The index at which anything of this object last changed; an update names the one it read. */
  readonly version: Index;
  /** The index at which `spec.task` last changed; tasks carry it, so a task of an older one is out of date. */
  readonly specVersion: Index;
  readonly spec: ServiceSpec;
  readonly previousSpec?: ServiceSpec;
  readonly previousSpecVersion?: Index;
  /** `spec.endpoint.ports` with the numbers that the manager chose. */
  readonly ports: readonly PortConfig[];
  /** Virtual addresses, one for each network; only of services in `vip` mode in a cluster of the `overlay` plane. */
  readonly vips?: readonly (NetworkAddress & { readonly networkId: NetworkId })[];
  /** The login to the image's registry (X-Registry-Auth), sealed, in base64; only nodes that are to pull get it opened. */
  readonly registryAuth?: string;
  /** The same of the previous spec: going back takes it up again. */
  readonly previousRegistryAuth?: string;
  readonly updateStatus?: UpdateStatus;
  /** Jobs only: raised at each update, so that a job runs again. */
  readonly jobIteration?: { readonly index: number; readonly startedAt: Millis };
  /** Set when the user removed it; the record goes when its tasks are gone, the name is free at once. */
  readonly removing?: boolean;
}

/** Where a slot's restarts stand; replicated, so back-off survives a change of leader. */
export interface RestartHistory {
  readonly serviceId: ServiceId;
  /** Slot number (replicated) or node (global). */
  readonly slot: number | NodeId;
  readonly specVersion: Index;
  /** All restarts under this spec version, also those whose times are not kept. */
  readonly count: number;
  /** Times of the last restarts, oldest first; at most `LIMITS.restarts`. */
  readonly restarts: readonly Millis[];
}
