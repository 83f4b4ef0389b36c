import {
  ManualClock,
  randomId,
  Scope,
  SeededRandom,
  silentLog,
  type Log,
  type NodeId,
  type Random,
} from "@murmur/base";
import { SimulatedRuntime } from "@murmur/agent";
import { DEFAULT_CLUSTER_SPEC, serviceId, type EndpointTable, type ServiceSpec } from "@murmur/model";
import { caDigest, formatToken } from "@murmur/identity";
import { askToJoin, foundCluster, IdentityStore, Member, type CallMember } from "@murmur/node";
import type { DataPlane } from "@murmur/network";
import { MemoryDisk, type NodeState } from "@murmur/storage";
import { MemoryNetwork } from "@murmur/transport";
import { quiet } from "./real-work.ts";

/** A node of the world: what outlives its process, and the process while there is one. */
export interface Host {
  readonly name: string;
  readonly address: string;
  readonly disk: MemoryDisk;
  readonly state: NodeState;
  readonly engine: SimulatedRuntime;
  process: { readonly member: Member; readonly scope: Scope; readonly plane: RecordingPlane } | undefined;
}

/** Keeps the last table that a data plane was given, in place of sockets. */
class RecordingPlane implements DataPlane {
  table: EndpointTable | undefined;
  update(table: EndpointTable): void {
    this.table = table;
  }
  avoid(): void {}
  portsInUse(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }
  listeners(): ReturnType<DataPlane["listeners"]> {
    return [];
  }
  stats(): ReturnType<DataPlane["stats"]> {
    throw new Error("a recording plane measures nothing");
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A node's records, in memory. */
class MemoryState implements NodeState {
  readonly #records = new Map<string, string>();
  get(name: string): Promise<unknown> {
    const text = this.#records.get(name);
    return Promise.resolve(text === undefined ? undefined : JSON.parse(text));
  }
  async put(name: string, value: unknown): Promise<void> {
    this.#records.set(name, JSON.stringify(value));
  }
  async delete(name: string): Promise<void> {
    this.#records.delete(name);
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

/**
 * Whole nodes in one process: members exactly as the daemon runs them, over a simulated network, disks, engines and one
 * manual clock.
 */
export class World implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly hosts: Host[] = [];
  readonly #log: (host: string) => Log;

  constructor(seed: number, log: (host: string) => Log = () => silentLog) {
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random });
    this.#log = log;
  }

  /** Starts a cluster of this many nodes, and waits until it has settled. */
  static async of(size: number, seed = 1, log?: (host: string) => Log): Promise<World> {
    const world = new World(seed, log);
    for (let count = 0; count < size; count += 1) await world.addHost();
    return world;
  }

  newId = (): string => randomId(this.random);

  /** A new host: the first one starts the cluster, the others join it. */
  async addHost(): Promise<Host> {
    const number = this.hosts.length + 1;
    const host: Host = {
      name: `host${String(number)}`,
      address: `10.0.0.${String(number)}:7373`,
      disk: new MemoryDisk(),
      state: new MemoryState(),
      engine: new SimulatedRuntime({ clock: this.clock, random: this.random, hostname: `host${String(number)}` }),
      process: undefined,
    };
    this.hosts.push(host);
    await (number === 1 ? this.#found(host) : this.#join(host));
    return host;
  }

  async #found(host: Host): Promise<void> {
    const { identity, commands } = await foundCluster({
      address: host.address,
      request: { availability: "active", labels: {}, spec: DEFAULT_CLUSTER_SPEC },
      hostname: host.name,
      clock: this.clock,
      newId: this.newId,
    });
    const identities = new IdentityStore(host.state);
    await identities.writeMembership({ listen: host.address, address: host.address, peers: [] });
    await identities.writeIdentity(identity);
    await this.during(this.start(host, commands));
  }

  async #join(host: Host): Promise<void> {
    const [first] = this.hosts;
    const member = first?.process?.member;
    const cluster = member?.host.manager()?.view.cluster();
    if (cluster === undefined) throw new Error("the first host is no manager");
    const token = formatToken({ caDigest: caDigest(cluster.caPem), secret: cluster.secrets.joinSecret });
    const call: CallMember = (address, { method, body }) =>
      this.network.joinCall(host.address, address, { method, body });
    const joined = await this.during(
      askToJoin({
        token,
        addresses: this.hosts.slice(0, -1).map(({ address }) => address),
        advertise: host.address,
        labels: {},
        availability: "active",
        hostname: host.name,
        call,
      }),
    );
    const identities = new IdentityStore(host.state);
    await identities.writeMembership({ listen: host.address, address: host.address, peers: joined.peers });
    await identities.writeIdentity(joined.identity);
    await this.during(this.start(host));
  }

  /** Starts a host's process from what it has on its disk. */
  async start(
    host: Host,
    commands?: Parameters<typeof Member.start>[0]["bootstrap"] extends infer B
      ? B extends { commands: infer C }
        ? C
        : never
      : never,
  ): Promise<void> {
    const identities = new IdentityStore(host.state);
    const stored = await identities.read();
    if (stored === undefined) throw new Error("this host is in no cluster");
    const log = this.#log(host.name);
    const scope = new Scope(log);
    const plane = new RecordingPlane();
    const { clock, random } = this;
    const records = {
      get: async (key: string): Promise<Uint8Array | undefined> => {
        const value = await host.state.get(key);
        return typeof value === "string" ? Buffer.from(value, "base64") : undefined;
      },
      put: (key: string, value: Uint8Array): Promise<void> =>
        host.state.put(key, Buffer.from(value).toString("base64")),
    };
    const member = await Member.start(
      {
        ...stored,
        hostname: host.name,
        wires: {
          openTransport: async ({ identity, addressOf }) =>
            this.network.openPeerTransport({ nodeId: identity().nodeId, address: host.address, addressOf, log }),
          openDatagrams: async (handlers) => this.network.openDatagrams(host.address, handlers),
          openLog: () => host.disk.open(),
          openDataPlane: async () => plane,
        },
        identities,
        bootstrap: commands === undefined ? undefined : { commands },
        runtime: host.engine,
        records,
        answer: () => Promise.resolve(new Response(null, { status: 501 })),
        forgetTasks: async () => {},
        clock,
        random,
        newId: this.newId,
        log,
        onRemoved: () => {},
        onFatal: (error) => log.error("fatal", { error: String(error) }),
      },
      scope,
    );
    host.process = { member, scope, plane };
  }

  /** The process is gone from one moment to the next; what was not synced is lost. */
  async kill(host: Host, what: "process" | "host" = "process"): Promise<void> {
    const { process } = host;
    host.process = undefined;
    this.network.kill(host.address, what);
    host.disk.crash();
    await this.during(process?.scope[Symbol.asyncDispose]() ?? Promise.resolve());
  }

  /** Cuts a host off from all others, without anybody being told. */
  isolate(host: Host): void {
    for (const other of this.hosts) if (other !== host) this.network.cut(host.address, other.address);
  }

  rejoin(host: Host): void {
    for (const other of this.hosts) if (other !== host) this.network.heal(host.address, other.address);
  }

  /** Lets simulated time pass until a promise settles; at most five minutes of it. */
  async during<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const watched = work.finally(() => (settled = true));
    watched.catch(() => {});
    for (let passed = 0; !settled && passed < 300_000; passed += 10) {
      await quiet();
      await this.clock.advance(10);
      await quiet();
    }
    if (!settled) throw new Error("nothing came of it in five minutes of simulated time");
    return watched;
  }

  /** Lets time pass until a condition holds. Returns how long it took, in simulated milliseconds. */
  async until(what: string, condition: () => boolean, limitMs = 60_000): Promise<number> {
    const start = this.clock.monotonic();
    while (!condition()) {
      if (this.clock.monotonic() - start > limitMs) throw new Error(`not within ${String(limitMs)} ms: ${what}`);
      await this.clock.advance(10);
      await quiet();
    }
    return this.clock.monotonic() - start;
  }

  get running(): Host[] {
    return this.hosts.filter(({ process }) => process !== undefined);
  }

  /** The host that leads, as it says itself; the one with the highest term, if two do. */
  leader(among: readonly Host[] = this.running): Host | undefined {
    return among
      .flatMap((host) => {
        const status = host.process?.member.host.manager()?.status();
        return status?.role === "leader" ? [{ host, term: status.term }] : [];
      })
      .toSorted((left, right) => right.term - left.term)
      .at(0)?.host;
  }

  /** Submits a service through a host's own manager. */
  async createService(host: Host, spec: ServiceSpec): Promise<string> {
    const manager = host.process?.member.host.manager();
    if (manager === undefined) throw new Error(`${host.name} is no manager`);
    const id = serviceId(this.newId());
    const signal = new AbortController().signal;
    await this.during(manager.submit({ kind: "createService", id, spec, now: this.clock.now() }, signal));
    return id;
  }

  /** Tasks of a service that are wanted and run, with their nodes, as one host's replica has them. */
  runningTasks(host: Host, id: string): readonly { readonly id: string; readonly nodeId?: NodeId }[] {
    const view = host.process?.member.host.manager()?.view;
    return (view?.tasksOfService(serviceId(id)) ?? []).filter(
      (task) => task.desiredState === "running" && task.status.state === "running",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.running) {
      const { process } = host;
      host.process = undefined;
      await this.during(process?.scope[Symbol.asyncDispose]() ?? Promise.resolve());
    }
  }
}

/** A small web service. */
export function webSpec(name: string, replicas: number): ServiceSpec {
  const update = {
    parallelism: 1,
    delayMs: 0,
    failureAction: "pause",
    monitorMs: 5_000,
    maxFailureRatio: 0,
    order: "stop-first",
  } as const;
  return {
    name,
    labels: {},
    mode: { kind: "replicated", replicas },
    task: {
      container: { image: "web" },
      resources: { reservations: { nanoCpus: 0, memoryBytes: 0 }, limits: { nanoCpus: 0, memoryBytes: 0, pids: 0 } },
      restart: { condition: "any", delayMs: 5_000, maxAttempts: 0, windowMs: 0 },
      placement: { constraints: [], preferences: [], maxReplicasPerNode: 0, platforms: [] },
      networks: [],
      forceUpdate: 0,
    },
    update,
    rollback: update,
    endpoint: { mode: "vip", ports: [{ protocol: "tcp", targetPort: 8080, publishedPort: 80, mode: "ingress" }] },
  };
}
