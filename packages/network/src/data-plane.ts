import type { Clock, Log, Millis, NodeId, Random } from "@murmur/base";
import type { NameIndexOptions, Suspects } from "@murmur/discovery";
import type { EndpointTable, Index, PortConfig } from "@murmur/model";
import { DnsServer, type DnsStats } from "./dns/server.ts";
import { portText } from "./listen-error.ts";
import type { ListenerStatus } from "./listener-status.ts";
import { portProblem } from "./port-check.ts";
import { addStats, type ProxyStats } from "./proxy.ts";
import { ProxySet } from "./proxy-set.ts";
import { systemResolvers } from "./system-resolvers.ts";
import { Targets } from "./targets.ts";
import { NO_WORKERS, ProxyWorkers, type WorkersOptions } from "./workers/proxy-workers.ts";

export interface DataPlaneStats {
  /** The newest table that is in force here as a whole; undefined before the first. */
  readonly table?: TableInForce | undefined;
  readonly proxies: ProxyStats;
  /** Processes that carry connections beside this one. */
  readonly proxyWorkers?: number;
  readonly dns: DnsStats;
  /** Only of an overlay. */
  readonly overlay?: OverlayStats;
}

/** A version of the endpoint table, and since when it has been in force, by the clock's `now`. */
export interface TableInForce {
  readonly version: Index;
  readonly since: Millis;
}

interface OverlayStats {
  /** Renderings since the start, how long the last one took, and all of them. */
  readonly renders: number;
  readonly lastMs: Millis;
  readonly allMs: Millis;
  /** What is wrong now, as far as is known. */
  readonly problems: number;
  /** What the self-checks have found, and mended, since the start. */
  readonly differences: number;
}

/** One thing in which this node's traffic isn't carried as the table says; for people, a line each. */
export interface Difference {
  readonly where: string;
  readonly what: string;
  /** Said after mending: whether it is right now. */
  readonly mended?: boolean;
}

/** How traffic finds tasks on this node. Everything that it does is rendered from one table, swapped as a whole. */
export interface DataPlane extends AsyncDisposable {
  /** The cluster's endpoints from now on. */
  update(table: EndpointTable): void;
  /** What must not be sent anything although the table has it. */
  avoid(suspects: Suspects): void;
  /** Resolves when what it was told until now is in force, or can't be brought into force for now. @throws ClusterError `unavailable` when it is being closed */
  settled(): Promise<void>;
  /** The published ports that this node could not listen on, because another program does: one line for each. */
  portsInUse(ports: readonly PortConfig[]): Promise<readonly string[]>;
  listeners(): readonly ListenerStatus[];
  stats(): DataPlaneStats;
  /** Compares what is there with what the table asks for. @throws ClusterError when it can't look */
  check(): Promise<readonly Difference[]>;
  /** Compares, and mends what it can. @throws ClusterError as `check` */
  repair(): Promise<readonly Difference[]>;
}

export interface DataPlaneOptions {
  readonly self: NodeId;
  /** IP that published ports are opened on; `0.0.0.0` and `::` open them on every address of both families. */
  readonly publishAddress: string;
  /** `IP:PORT` of the DNS server; undefined: none. */
  readonly dnsAddress: string | undefined;
  /** `IP` or `IP:PORT`; empty: the machine's resolvers. */
  readonly upstreams: readonly string[];
  /** Left out: this process carries all connections of published ports. */
  readonly workers?: WorkersOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * The `ports` data plane: every node listens on every published port and proxies to a task on any node, and answers the
 * cluster's names. Needs no root beyond what the ports themselves need.
 */
export async function openDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const { dnsAddress } = options;
  const targets = new Targets(options);
  const connections = (): number => proxies.stats().connections;
  const workers = new ProxyWorkers({ ...options, ...(options.workers ?? NO_WORKERS), connections });
  const proxies = new ProxySet({ ...options, targets, shared: workers });
  const dns = dnsAddress === undefined ? undefined : await openDns(options, dnsAddress);
  let inForce: TableInForce | undefined;
  const listeners = (): readonly ListenerStatus[] => [...proxies.listeners(), ...(dns?.listeners() ?? [])];
  return {
    update(table) {
      targets.update(table);
      dns?.update(table);
      proxies.render();
      // Last: who knows this table has closed what was closed here.
      workers.know({ table });
      inForce = { version: table.version, since: options.clock.now() };
    },
    avoid(suspects) {
      targets.avoid(suspects);
      dns?.avoid(suspects);
      workers.know({ suspects });
      proxies.dropDead(suspects.deadNodes);
    },
    settled: () => workers.settled() ?? Promise.resolve(),
    async portsInUse(ports) {
      const asked = ports.filter((port) => port.mode === "ingress" && !proxies.holds(port));
      const problems = await Promise.all(asked.map((port) => portProblem(options.publishAddress, port)));
      return problems.filter((problem) => problem !== undefined);
    },
    listeners,
    stats: () => ({
      table: inForce,
      proxies: addStats(proxies.stats(), workers.stats()),
      proxyWorkers: workers.count,
      dns: dns?.stats() ?? NO_QUESTIONS,
    }),
    check: async () => closedPorts(listeners()),
    async repair() {
      const before = closedPorts(listeners());
      await Promise.all([proxies.retry(), dns?.retry()]);
      return mendedOf(before, closedPorts(listeners()));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([proxies[Symbol.asyncDispose](), workers[Symbol.asyncDispose](), dns?.[Symbol.asyncDispose]()]);
    },
  };
}

/** The ports that should be open and aren't. */
export const closedPorts = (listeners: readonly ListenerStatus[]): readonly Difference[] =>
  listeners.flatMap(({ protocol, port, hostIp, state, error }) =>
    state === "failed" ? [{ where: `port ${portText(port, hostIp)}/${protocol}`, what: error ?? "is not open" }] : [],
  );

/** What was wrong, and whether it is right now; and what is wrong only now. */
export function mendedOf(before: readonly Difference[], now: readonly Difference[]): readonly Difference[] {
  const isStill = ({ where }: Difference): boolean => now.some((other) => other.where === where);
  const isNew = ({ where }: Difference): boolean => before.every((other) => other.where !== where);
  return [
    ...before.map((difference) => ({ ...difference, mended: !isStill(difference) })),
    ...now.filter(isNew).map((difference) => ({ ...difference, mended: false })),
  ];
}

/** Opens a DNS server; without an address of its own it listens where it is told to later. */
export async function openDns(
  options: Omit<DataPlaneOptions, "self" | "publishAddress" | "dnsAddress"> & Partial<NameIndexOptions>,
  address: string | undefined,
): Promise<DnsServer> {
  const upstreams = options.upstreams.length > 0 ? options.upstreams : await systemResolvers(address);
  const dns = new DnsServer({ ...options, address, upstreams });
  dns.start();
  return dns;
}

const NO_QUESTIONS: DnsStats = { queries: 0, forwarded: 0, failed: 0, dropped: 0 };
