import type { ListenAddress } from "@murmur/api";
import type { DataPlaneKind } from "@murmur/model";
import type { LogLevel } from "./pino-log.ts";

/** What `murmur daemon` is told. Paths are absolute. */
export interface DaemonOptions {
  /** Identity, log, snapshots and the agent's records. */
  readonly dataDir: string;
  /** The HTTP API. */
  readonly socketPath: string;
  /** The API over TCP, too, for clients with a certificate: PEM files; undefined: on the socket only. */
  readonly tcp: Extract<ListenAddress, { readonly port: number }> | undefined;
  /** The engine: `unix:///var/run/docker.sock` or `tcp://HOST:PORT`. */
  readonly dockerHost: string;
  /** `HOST:PORT` of the peers' port, TCP and UDP; undefined: as stored, or as the request to start or join says. */
  readonly listenAddr: string | undefined;
  /** `IP`, `IP:PORT` or an interface's name, where the other nodes reach this one; undefined: in the same way. */
  readonly advertiseAddr: string | undefined;
  /** Of a cluster that is begun here, when the request doesn't say which; undefined: `ports`. */
  readonly dataPlane: DataPlaneKind | undefined;
  /** `IP:PORT` of nodes of the cluster, for a node whose known peers are all elsewhere by now. At most 16. */
  readonly peers: readonly string[];
  /** `HOST:PORT` of the DNS server; undefined: none. */
  readonly dnsAddr: string | undefined;
  /** IP that published ports are opened on; undefined: the listen address's, all of them for a wildcard. */
  readonly publishAddr: string | undefined;
  /** Where other names are asked for, `IP` or `IP:PORT`; empty: the machine's own resolvers. */
  readonly dnsUpstreams: readonly string[];
  /** On a tmpfs, and under this path on the engine's host, too; undefined: `filesDirectory`. */
  readonly filesDir: string | undefined;
  /** Named in `node ls`; undefined: the machine's name. */
  readonly hostname: string | undefined;
  /** What the node has beside CPU and memory, by kind: so many, or these by name. */
  readonly genericResources: Readonly<Record<string, number | readonly string[]>>;
  /** Whether containers of the cluster may be privileged here. */
  readonly allowPrivileged: boolean;
  /** Paths of devices, or of directories of them, that they may have. */
  readonly allowDevices: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
}
