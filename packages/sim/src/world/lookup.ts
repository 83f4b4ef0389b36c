import type { Millis } from "@murmur/base";
import type { NetworkId } from "@murmur/model";
import type { AskedType, NameAnswer } from "./dns-message.ts";
import type { SimulatedNames } from "./names.ts";

/** The address that a host's own programs ask from. */
export const HOST_ASKER = "127.0.0.1";

/** Somebody on a host has asked for a service by its name in one network, and keeps the answer as long as it says. */
export interface Lookup {
  /** The server of one life of the host's process. */
  readonly names: SimulatedNames;
  /** The service's name. */
  readonly service: string;
  readonly networkId: NetworkId;
  /** By the service's own name, which may stand for a virtual address, or by one that only its tasks have. */
  readonly by: "service" | "tasks";
  readonly name: string;
  readonly type: AskedType;
  /** The address that it was asked from. */
  readonly from: string;
  readonly answer: NameAnswer;
  readonly at: Millis;
}
