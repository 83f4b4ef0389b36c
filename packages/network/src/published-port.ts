import type { PortOptions, PortProtocol } from "@murmur/model";

/** A published port of the cluster. */
export interface PublishedPort extends PortOptions {
  /** `PROTOCOL/PORT` or `PROTOCOL/ADDRESS:PORT`: what it is known by. */
  readonly key: string;
  readonly protocol: PortProtocol;
  readonly port: number;
  /** The name of the service behind it, for people. */
  readonly service: string;
}
