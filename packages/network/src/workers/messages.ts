import type { Log, LogFields } from "@murmur/base";
import type { Suspects } from "@murmur/discovery";
import type { EndpointTable } from "@murmur/model";
import { subnetHolds } from "../overlay/address.ts";
import type { ProxyStats } from "../proxy.ts";

/** An address of this machine, to connect from to whatever is in a subnet. */
export interface SourceAddress {
  readonly subnet: string;
  readonly address: string;
}

/** Where to connect from to a host. */
export const sourceAmong = (sources: readonly SourceAddress[], host: string): string | undefined =>
  sources.find(({ subnet }) => subnetHolds(subnet, host))?.address;

/** All that a worker chooses tasks by. */
export interface Knowledge {
  readonly table: EndpointTable;
  readonly sources: readonly SourceAddress[];
  readonly suspects: Suspects;
}

/** What the daemon tells a worker. Each is done before the next one is looked at. */
export type ToWorker =
  /** In place of what it knew; answered by `known` when the worker chooses by it. */
  | { readonly kind: "know"; readonly number: number; readonly knowledge: Knowledge }
  /** With it comes the daemon's listening socket of the port. */
  | { readonly kind: "listen"; readonly key: string }
  | { readonly kind: "close"; readonly key: string }
  /** Take nothing new, and end when all that is under way has ended. */
  | { readonly kind: "retire" }
  /** Break all that is under way, and end. */
  | { readonly kind: "end" };

/** What a worker tells the daemon. */
export type FromWorker =
  | { readonly kind: "known"; readonly number: number }
  | { readonly kind: "stats"; readonly stats: ProxyStats }
  | { readonly kind: "log"; readonly level: LogLevel; readonly message: string; readonly fields?: LogFields };

type LogLevel = keyof Log;
