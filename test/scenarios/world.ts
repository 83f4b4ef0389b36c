import {
  ManualClock,
  messageOf,
  randomId,
  Scope,
  SeededRandom,
  silentLog,
  type Log,
  type NodeId,
  type Random,
} from "@murmur/base";
import { SimulatedRuntime } from "@murmur/agent";
import { DEFAULT_CLUSTER_SPEC, serviceId, type Command, type ServiceId, type ServiceSpec } from "@murmur/model";
import { caDigest, createNodeKey, formatToken } from "@murmur/identity";
import type { Manager } from "@murmur/manager";
import {
  AuthoritySigner,
  askToJoin,
  foundCluster,
  IdentityStore,
  leaveCluster,
  Member,
  moveTo,
  restoredCluster,
  type Bootstrap,
  type CallExternalCa,
  type CallMember,
  type ReadBackup,
} from "@murmur/node";
import { MemoryNetwork } from "@murmur/transport";
import { SafetyWatch } from "./checks.ts";
import type { Host } from "./host.ts";
import { MemoryLogs } from "./memory-logs.ts";
import { MemoryState } from "./memory-state.ts";
import { quiet } from "../../packages/node/src/testing/real-work.ts";
import { RecordingPlane } from "./recording-plane.ts";

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** How much time passes between two looks at conditions. */
const STEP_MS = 10;

/**
 * Whole nodes in one process: members exactly as the daemon runs them, over a simulated network, disks, engines and one
 * manual clock.
 */
export class World implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly network: MemoryNetwork;
  readonly hosts: Host[] = [];
  /** The services that were acknowledged, with their replicas; removed ones are taken out by whoever removes them. */
  readonly acknowledged = new Map<ServiceId, number>();
  readonly #safety = new SafetyWatch(this);
  readonly #log: (host: string) => Log;
  /** What went wrong in the background; the next step throws it. */
  #failure: unknown;

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

  /** Datagrams that came to a node which had no key for them. */
  unopened = 0;

  /** What is outside of the cluster and signs its nodes' certificates. */
  callExternalCa: CallExternalCa = () => Promise.reject(new Error("there is no external CA in this world"));

  /** A new host: the first one starts the cluster, the others join it. */
  async addHost(): Promise<Host> {
    const host = this.#newHost();
    await (this.hosts.length === 1 ? this.#found(host) : this.#join(host));
    return host;
  }

  #newHost(): Host {
    const number = this.hosts.length + 1;
    const host: Host = {
      name: `host${String(number)}`,
      address: `10.0.0.${String(number)}:7373`,
      peers: [],
      disk: new MemoryLogs(),
      state: new MemoryState(),
      engine: new SimulatedRuntime({ clock: this.clock, random: this.random, hostname: `host${String(number)}` }),
      process: undefined,
    };
    this.hosts.push(host);
    return host;
  }

  async #found(host: Host): Promise<void> {
    const { identity, commands } = await foundCluster({
      address: host.address,
      request: { availability: "active", labels: {}, spec: DEFAULT_CLUSTER_SPEC },
      hostname: host.name,
      clock: this.clock,
      newId: this.newId,
      ...this.#signing(),
    });
    const identities = new IdentityStore(host.state);
    await identities.writeMembership({ listen: host.address, address: host.address, peers: [] });
    await identities.writeIdentity(identity);
    await this.during(this.start(host, { commands }));
  }

  /** What signs where there is no cluster yet, for as long as that takes. */
  #signing(): { readonly signer: AuthoritySigner; readonly signal: AbortSignal } {
    const { clock, callExternalCa: call } = this;
    const signer = new AuthoritySigner({ call, client: () => undefined, clock, log: silentLog });
    return { signer, signal: new AbortController().signal };
  }

  /** A new host that takes the cluster up again from a backup. */
  async restore(
    backup: ReadBackup,
    options: { readonly forgetNodes: boolean; readonly secretsKey?: string },
  ): Promise<Host> {
    const host = this.#newHost();
    const { clock, random, newId } = this;
    const request = { backup: nothing(), availability: "active", labels: {}, force: false, ...options } as const;
    const { address, name: hostname } = host;
    const restored = await restoredCluster({
      backup,
      address,
      request,
      hostname,
      clock,
      random,
      newId,
      ...this.#signing(),
    });
    const { identity, generation, peers, bootstrap } = restored;
    const identities = new IdentityStore(host.state);
    await identities.writeMembership({ listen: host.address, address: host.address, peers });
    await identities.writeGeneration(generation);
    await identities.writeIdentity(identity);
    await this.during(this.start(host, bootstrap));
    return host;
  }

  /** Lets a host into the cluster through any of the others. */
  async #join(host: Host): Promise<void> {
    const others = this.running.filter((other) => other !== host);
    const cluster = others.map((other) => this.manager(other)?.view.cluster()).find((found) => found !== undefined);
    if (cluster === undefined) throw new Error("no host is a manager");
    const token = formatToken({ caDigest: caDigest(cluster.caPem), secret: cluster.secrets.joinSecret });
    const call = this.#callFrom(host);
    const keyPem = await createNodeKey();
    const joined = await this.during(
      askToJoin({
        token,
        keyPem,
        addresses: others.map(({ address }) => address),
        advertise: host.address,
        labels: {},
        availability: "active",
        hostname: host.name,
        canDo: async () => undefined,
        hostSubnets: async () => [],
        call,
      }),
    );
    const identities = new IdentityStore(host.state);
    await identities.writeMembership({ listen: host.address, address: host.address, peers: joined.peers });
    if (joined.generation !== undefined) await identities.writeGeneration(joined.generation);
    await identities.writeIdentity(joined.identity);
    await this.during(this.start(host));
  }

  #callFrom(host: Host): CallMember {
    return (address, request) => this.network.joinCall(host.address, address, request);
  }

  /** Lets a host that has left join again, as a new node. */
  rejoinCluster(host: Host): Promise<void> {
    return this.#join(host);
  }

  /** Starts a host's process from what it has on its disk, at the address that the host has now. */
  async start(host: Host, bootstrap?: Bootstrap): Promise<void> {
    const identities = new IdentityStore(host.state);
    const stored = await identities.read();
    if (stored === undefined) throw new Error("this host is in no cluster");
    const log = this.#log(host.name);
    const { address, peers: addresses } = host;
    const call = (): CallMember => this.#callFrom(host);
    const membership = await moveTo(stored, {
      told: { listenAddr: address, advertiseAddr: address },
      identities,
      edge: { checkListenable: async () => {}, callMember: call },
      clock: this.clock,
      log,
    });
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
        membership,
        seeds: { addresses, call },
        hostname: host.name,
        wires: {
          openTransport: async ({ identity, verifyPeer, addressOf }) =>
            this.network.openPeerTransport({
              nodeId: identity().nodeId,
              address,
              addressOf,
              log,
              credentials: { identity, verifyPeer },
            }),
          openDatagrams: async ({ open, ...handlers }) => {
            const counted = (bytes: Uint8Array): Uint8Array | undefined => {
              const opened = open(bytes);
              if (opened === undefined) this.unopened += 1;
              return opened;
            };
            return this.network.openDatagrams(address, { ...handlers, open: counted });
          },
          openLog: (generation) => host.disk.open(generation),
          keepOnlyLog: (generation) => host.disk.keepOnly(generation),
          openDataPlane: async () => plane,
        },
        identities,
        bootstrap,
        callExternalCa: (request, signal) => this.callExternalCa(request, signal),
        runtime: host.engine,
        records,
        answer: () => Promise.resolve(new Response(null, { status: 501 })),
        answerTasks: () => Promise.resolve(new Response(null, { status: 501 })),
        forgetTasks: async () => {},
        clock,
        random,
        newId: this.newId,
        log,
        onRemoved: () => this.#background(this.#forget(host)),
        onFatal: (error) => {
          log.error("fatal", { error: messageOf(error) });
          this.#background(this.#restart(host));
        },
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

  /** An orderly stop, as on SIGTERM. */
  async stop(host: Host): Promise<void> {
    const { process } = host;
    await this.during(process?.member.handOver() ?? Promise.resolve());
    await this.during(this.#end(host));
  }

  /** The node leaves the cluster by its own wish. */
  async leave(host: Host, force = false, signal = new AbortController().signal): Promise<void> {
    const { process } = host;
    if (process === undefined) throw new Error(`${host.name} does not run`);
    const letGo = new AbortController().signal;
    await this.during(leaveCluster(process.member, { force, letGo, clock: this.clock, signal }));
    await this.during(this.#forget(host));
  }

  async #end(host: Host): Promise<void> {
    const { process } = host;
    host.process = undefined;
    await process?.scope[Symbol.asyncDispose]();
  }

  async #forget(host: Host): Promise<void> {
    await this.#end(host);
    host.state.clear();
    host.disk = new MemoryLogs();
  }

  async #restart(host: Host): Promise<void> {
    await this.#end(host);
    await this.start(host);
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => (this.#failure ??= error));
  }

  /** Cuts a host off from all others, without anybody being told. */
  isolate(...hosts: Host[]): void {
    this.#between(hosts, (a, b) => this.network.cut(a, b));
  }

  rejoin(...hosts: Host[]): void {
    this.#between(hosts, (a, b) => this.network.heal(a, b));
  }

  #between(hosts: readonly Host[], act: (a: string, b: string) => void): void {
    for (const host of hosts) {
      for (const other of this.hosts) if (!hosts.includes(other)) act(host.address, other.address);
    }
  }

  /** Lets simulated time pass until a promise settles; at most five minutes of it. */
  async during<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const watched = work.finally(() => (settled = true));
    watched.catch(() => {});
    await quiet();
    for (let passed = 0; !settled && passed < 300_000; passed += STEP_MS) await this.#step();
    if (!settled) throw new Error("nothing came of it in five minutes of simulated time");
    return watched;
  }

  /** Lets time pass until a condition holds. Returns how long it took, in simulated milliseconds. */
  async until(what: string, condition: () => boolean, limitMs = 60_000): Promise<number> {
    const start = this.clock.monotonic();
    while (!condition()) {
      if (this.clock.monotonic() - start > limitMs) throw new Error(`not within ${String(limitMs)} ms: ${what}`);
      await this.#step();
    }
    return this.clock.monotonic() - start;
  }

  /** Lets so much time pass. */
  async pass(byMs: number): Promise<void> {
    const end = this.clock.monotonic() + byMs;
    while (this.clock.monotonic() < end) await this.#step();
  }

  async #step(): Promise<void> {
    await this.clock.advance(STEP_MS);
    await quiet();
    this.#safety.check();
    if (this.#failure !== undefined) throw this.#failure;
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

  /** A host's manager, while it has one that takes part. */
  manager(host: Host | undefined): Manager | undefined {
    return host?.process?.member.host.serving();
  }

  nodeId(host: Host): NodeId {
    const { process } = host;
    if (process === undefined) throw new Error(`${host.name} does not run`);
    return process.member.identity.nodeId;
  }

  /** Which life of the cluster a host is in. */
  generation(host: Host | undefined): number {
    return host?.process?.member.generation ?? 0;
  }

  /** How many voters the leader's membership has. */
  get voters(): number {
    return this.manager(this.leader())?.status().membership.voters.length ?? 0;
  }

  /** Submits a command through a host's own manager. */
  async submit(host: Host, command: Command): Promise<void> {
    const manager = this.manager(host);
    if (manager === undefined) throw new Error(`${host.name} is no manager`);
    await this.during(manager.submit(command, new AbortController().signal));
  }

  /** Creates a service through a host's own manager; from then on it must be there. */
  async createService(host: Host, spec: ServiceSpec): Promise<ServiceId> {
    const id = serviceId(this.newId());
    await this.submit(host, { kind: "createService", id, spec, now: this.clock.now() });
    this.acknowledged.set(id, spec.mode.kind === "replicated" ? spec.mode.replicas : 0);
    return id;
  }

  /** Gives a service another spec. */
  async updateService(host: Host, id: ServiceId, spec: ServiceSpec): Promise<void> {
    const version = this.manager(host)?.view.service(id)?.version ?? 0;
    await this.submit(host, { kind: "updateService", id, version, spec, now: this.clock.now() });
    this.acknowledged.set(id, spec.mode.kind === "replicated" ? spec.mode.replicas : 0);
  }

  /** Changes what the user wants of a node. */
  async updateNode(
    host: Host,
    id: NodeId,
    change: { readonly pinnedRole?: "manager" | "worker"; readonly availability?: "active" | "pause" | "drain" },
  ): Promise<void> {
    const node = this.manager(host)?.view.node(id);
    if (node === undefined) throw new Error(`node ${id} is unknown`);
    const spec = { ...node.spec, ...change };
    await this.submit(host, { kind: "updateNode", id, version: node.version, spec, now: this.clock.now() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.running) await this.during(this.#end(host));
  }
}
