import type { Millis } from "@murmur/base";
import type { Index, NetworkId } from "./ids.ts";

export interface NetworkSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly attachable: boolean;
  readonly internal: boolean;
}

export interface Network {
  readonly id: NetworkId;
  readonly spec: NetworkSpec;
  readonly createdAt: Millis;
  readonly version: Index;
}

/** The network of services that name none; there from the cluster's first entry on. */
export const DEFAULT_NETWORK_NAME = "default";
