import type { NetworkCreate, PayloadCreate, ServiceSpec } from "@murmur/api";
import type { ComposeDependency } from "@murmur/compose";

/** A stack as its files want it, in Docker's shapes: what a first deploy would send. Networks are named, not identified. */
export interface StackWish {
  readonly stack: string;
  readonly networks: readonly NetworkCreate[];
  /** Names of networks that must be there, because the file says that they are somebody else's. */
  readonly externalNetworks: readonly string[];
  readonly configs: readonly PayloadWish[];
  readonly secrets: readonly PayloadWish[];
  readonly services: readonly ServiceWish[];
  /** One line each for people: what was understood in another way than it is written. */
  readonly notes: readonly string[];
}

export interface ServiceWish {
  /** Its name in the file. */
  readonly key: string;
  readonly name: string;
  /** The image is as the file names it. */
  readonly spec: ServiceSpec;
  readonly dependsOn: readonly ComposeDependency[];
}

/** A config or a secret. */
export interface PayloadWish {
  readonly key: string;
  /** Left out: it is somebody else's, and must be there. */
  readonly body?: PayloadCreate;
  /** What it is called in the cluster. */
  readonly name: string;
  /** Its name follows its content, so that there may be several of them, of which this is the newest. */
  readonly versioned: boolean;
}
