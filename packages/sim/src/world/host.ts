import { ClusterError, codeOf, nodeId, withDeadline, type Log, type LogFields, type Random } from "@murmur/base";
import { SimulatedFiles, SimulatedRuntime } from "@murmur/agent";
import type { Manager } from "@murmur/manager";
import {
  openNode,
  type LocalNodeEdge,
  type Member,
  type MemberStart,
  type MemberWires,
  type OpenedNode,
} from "@murmur/node";
import { clusterId, type NodePermissions } from "@murmur/model";
import type { OverlayPlane } from "@murmur/network";
import { MemoryDisk } from "@murmur/storage";
import { parseAddress } from "@murmur/transport";
import { passwordOf } from "../workload/private-image.ts";
import { programOf } from "../workload/work-image.ts";
import { DiskFaults } from "./disk-faults.ts";
import { EngineApi } from "./engine-api.ts";
import { gatedFiles } from "./gated-files.ts";
import { gatedRuntime } from "./gated-runtime.ts";
import { HostKernel } from "./host-kernel.ts";
import type { LogLevel } from "./observer.ts";
import { SimulatedNames } from "./names.ts";
import { openOverlay, removeOverlay, type OverlayOwner, type OverlayWorld } from "./overlay.ts";
import { SimulatedPlane } from "./plane.ts";
import { Process, type ClockError } from "./process.ts";
import { Records } from "./records.ts";
import { tappedLog } from "./tapped-log.ts";
import { tappedTransport, type MessageFaults } from "./tapped-transport.ts";
import type { World } from "./world.ts";

/** One life of the process, with what it is made of. */
export interface Life {
  readonly process: Process;
  readonly node: OpenedNode;
  /** Settles when it has taken up its place in the cluster. */
  started: Promise<void>;
}

/** A host of the world: what outlives its process, and the process while there is one. */
export class Host {
  readonly name: string;
  /** Where peers reach it. A host without a process may be given another one: it comes back there. */
  address: string;
  /** Where its daemon is told that nodes of the cluster are, from its next start on. */
  peers: readonly string[] = [];
  readonly engine: SimulatedRuntime;
  readonly #engineApi: EngineApi;
  /** In its memory: they outlive its process. */
  readonly files = new SimulatedFiles();
  readonly kernel: HostKernel;
  readonly clockError: ClockError;
  readonly messageFaults: MessageFaults = { loss: 0, duplicates: 0, replayMs: 1_000 };
  readonly diskFaults: DiskFaults;
  /** The versions of the wire protocol that its software speaks; undefined: the newest software's. */
  protocol: { readonly min: number; readonly max: number } | undefined;
  /** What its administrator permits containers; holds from the process's next start on. */
  permits: NodePermissions | undefined;
  disk: MemoryDisk;
  readonly #world: World;
  readonly #records: Records;
  readonly #random: Random;
  #plane: SimulatedPlane | SimulatedNames | undefined;
  #names: SimulatedNames | undefined;
  readonly #namesRandom: Random;
  #overlay: OverlayPlane | undefined;
  /** On its disk. */
  #overlayOwner: OverlayOwner | undefined;
  #life: Life | undefined;
  #booting = false;
  #stopping: Life | undefined;

  constructor(
    world: World,
    options: {
      name: string;
      address: string;
      random: Random;
      kernelRandom: Random;
      namesRandom: Random;
      clockError: ClockError;
    },
  ) {
    this.#world = world;
    this.name = options.name;
    this.address = options.address;
    this.#random = options.random;
    this.#namesRandom = options.namesRandom;
    this.clockError = options.clockError;
    this.diskFaults = new DiskFaults(world.clock, options.random);
    this.disk = this.#newDisk();
    this.#records = new Records(world.clock, options.random);
    this.engine = new SimulatedRuntime({
      clock: world.clock,
      random: options.random,
      hostname: options.name,
      latencyMs: 20,
      cpus: CPUS * world.hostSize,
      memoryBytes: MEMORY_BYTES * world.hostSize,
      generic: GENERIC,
      passwordOf,
      program: ({ image }) => programOf(image),
    });
    this.#engineApi = new EngineApi(this.engine, world.clock);
    this.kernel = new HostKernel(this.engine, world.clock, options.kernelRandom);
  }

  /** The process, while there is one; it may be paused. */
  get life(): Life | undefined {
    return this.#life;
  }
  /** Whether it has a process, or will have one in a moment. */
  get running(): boolean {
    return this.#life !== undefined || this.#booting;
  }
  /** Whether its process is on its way out, in good order. */
  get stopping(): boolean {
    return this.#life !== undefined && this.#stopping === this.#life;
  }
  get member(): Member | undefined {
    return this.#life?.node.control.member();
  }
  /** The manager while it takes part. */
  get manager(): Manager | undefined {
    return this.member?.host.serving();
  }
  /** What the data plane was told last. */
  get plane(): SimulatedPlane | SimulatedNames | undefined {
    return this.#life === undefined ? undefined : this.#plane;
  }
  /** Its DNS server, once it has begun to take part in a cluster. */
  get names(): SimulatedNames | undefined {
    return this.#life === undefined ? undefined : this.#names;
  }
  /** The data plane, where it renders something. */
  get overlay(): OverlayPlane | undefined {
    return this.#life === undefined ? undefined : this.#overlay;
  }

  /** Starts the process. It is in no cluster until it is told to found, to join, or to `resume`. */
  async boot(): Promise<Life> {
    if (this.running) throw new Error(`${this.name} runs already`);
    this.#booting = true;
    const process: Process = new Process({
      queue: this.#world.queue,
      clockError: this.clockError,
      onWork: () => this.#world.touched(this),
      onFuse: () => this.crash(),
    });
    const { newId } = this.#world;
    const node = await openNode({
      daemon: {
        listenAddr: this.address,
        advertiseAddr: this.address,
        dataPlane: undefined,
        peers: this.peers,
        hostname: this.name,
      },
      state: this.#records.openedBy(process),
      runtime: this.#engineFor(process),
      edge: this.#edge(process),
      engine: this.#engineApi.openedBy(process),
      metrics: () => ({ text: () => Promise.resolve("") }),
      clock: process.clock,
      random: this.#random,
      newId,
      log: this.#log(),
    });
    this.#booting = false;
    this.#life = { process, node, started: Promise.resolve() };
    this.#world.tell((observer) => observer.started?.(this));
    return this.#life;
  }

  /**
   * The process is gone from one moment to the next. What was not synced is lost, but for the first writes, as luck has
   * it. With the whole host its connections fall silent instead of being reset, and its containers are gone, too.
   */
  crash(what: "process" | "host" = "process"): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#life = undefined;
    life.process.die();
    this.#world.network.kill(this.address, what);
    if (what === "host") {
      this.kernel.state.reset();
      this.files.reset();
    }
    this.disk.crash({ pendingKept: this.#random.below(4) });
    this.#world.tell((observer) => observer.ended?.(this, "crashed"));
  }

  /** Starts the process, and takes up the place in the cluster that it had. */
  async resume(): Promise<Life> {
    const life = await this.boot();
    life.started = this.#takeUp(life);
    await life.started;
    return life;
  }

  /** Rejects when its disk opens with none of the keys that somebody has noted. */
  async #takeUp({ node: { control } }: Life): Promise<void> {
    await control.resume();
    const { unlockKeys } = this.#world;
    if (control.status().state !== "locked" || unlockKeys.length === 0) return;
    for (const key of unlockKeys) {
      const error: unknown = await control.unlock(key).catch((reason: unknown) => reason);
      if (codeOf(error) !== "unauthenticated") return;
    }
    throw new Error(`${this.name} is locked, and no key that was ever known opens it`);
  }

  /** An orderly stop, as on SIGTERM, which a daemon heeds once it has started. Resolves when the process has ended. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    this.#stopping = life;
    await life.started;
    await life.node.control.stop();
    if (this.#life !== life) return;
    this.#life = undefined;
    const { timers } = life.process;
    life.process.die();
    this.#world.tell((observer) => observer.ended?.(this, "stopped"));
    if (timers > 0) throw new Error(`${this.name} has stopped and left ${String(timers)} timers behind`);
  }

  /** Takes everything off the disk, as a new installation does. Containers run on. */
  wipe(): void {
    if (this.#life !== undefined) throw new Error(`${this.name} still runs`);
    this.#records.wipe();
    this.#overlayOwner = undefined;
    // Whoever sets a host up anew stops what they have started there: the bridges of before go when nobody is in them.
    for (const { name } of this.engine.guestsByHand()) this.engine.removeGuest(name);
    this.#replaceDisk();
  }

  #replaceDisk(): void {
    this.disk = this.#newDisk();
    this.#world.tell((observer) => observer.wiped?.(this));
  }

  #newDisk(): MemoryDisk {
    return new MemoryDisk(() => this.diskFaults.sync());
  }

  #edge(process: Process): LocalNodeEdge {
    const { network } = this.#world;
    const { enter } = process;
    const { address, protocol } = this;
    const versions = protocol && { protocol };
    return {
      wires: (start) => this.#wires(process, start),
      checkListenable: async () => {},
      canDo: async () => undefined,
      hostSubnets: async () => [],
      callMember: (signal) => (to, request) => {
        const late = (): Error => new ClusterError("unavailable", `${to} did not answer in time`);
        const options = { clock: process.clock, limitMs: JOIN_TIMEOUT_MS, late, signals: [signal] };
        return withDeadline(options, async (until) => {
          const { promise: ended, reject } = Promise.withResolvers<never>();
          const end = (): void => reject(until.reason as Error);
          if (until.aborted) end();
          until.addEventListener("abort", end);
          return Promise.race([network.joinCall(address, to, { ...request, ...versions, enter }), ended]);
        });
      },
      callExternalCa: (request, signal) => process.call(() => this.#world.callExternalCa(request, signal)),
      wipeLog: () => process.call(async () => this.#replaceDisk()),
      wipeOverlay: () =>
        process.call(async () => {
          if (this.#overlayOwner !== undefined) await removeOverlay(this.#overlayWorld(process), this.#overlayOwner);
          this.#overlayOwner = undefined;
        }),
    };
  }

  /** The engine as a process sees it. */
  #engineFor(process: Process): ReturnType<typeof gatedRuntime> {
    return gatedRuntime(this.engine, process, (id, signalName) =>
      this.#world.tell((observer) => observer.signalled?.(this, id, signalName)),
    );
  }

  #overlayWorld(process: Process): OverlayWorld {
    return { process, kernel: this.kernel, engine: this.#engineFor(process), log: this.#log() };
  }

  #newNames({ clock }: Process, of: { readonly ownAddresses: boolean }): SimulatedNames {
    return new SimulatedNames({ clock, random: this.#namesRandom, log: this.#log(), ...of });
  }

  #wires(process: Process, { identity, membership }: Pick<MemberStart, "identity" | "membership">): MemberWires {
    const { network, clock, snapshotLimits, sealed } = this.#world;
    const { address, messageFaults, protocol, permits } = this;
    const { enter, clock: own } = process;
    const log = this.#log();
    const versions = protocol && { protocol };
    return {
      ...versions,
      ...(permits && { permits }),
      ...(snapshotLimits && { snapshotLimits }),
      openTransport: ({ identity, verifyPeer, addressOf }) =>
        process.call(async () => {
          const { nodeId } = identity();
          const transport = network.openPeerTransport({
            nodeId,
            address,
            addressOf,
            log,
            enter,
            clock: own,
            credentials: { identity, verifyPeer },
            ...versions,
          });
          return tappedTransport(transport, {
            process,
            faults: messageFaults,
            clock,
            random: this.#random,
            sent: (to, message) => this.#world.tell((observer) => observer.sent?.(this, to, message)),
            calls: (to, call) => this.#world.tell((observer) => observer.calls?.(this, to, call)),
            called: (to, call) => this.#world.tell((observer) => observer.called?.(this, to, call)),
            answered: (from, call) => this.#world.tell((observer) => observer.answered?.(this, from, call)),
          });
        }),
      openDatagrams: ({ onPacket, ...ring }) =>
        process.call(async () => {
          const plain = { seal: (bytes: Uint8Array) => bytes, open: (bytes: Uint8Array) => bytes };
          const datagrams = network.openDatagrams(address, { ...(sealed ? ring : plain), onPacket }, enter);
          return {
            address,
            send: (to, bytes) => {
              if (process.acts()) datagrams.send(to, bytes);
            },
            stats: () => datagrams.stats(),
            [Symbol.asyncDispose]: () => datagrams[Symbol.asyncDispose](),
          };
        }),
      openLog: () =>
        process.call(async () => {
          this.diskFaults.open();
          return this.disk.open();
        }),
      tapLog: (storage, generation) => {
        this.#world.tell((observer) => observer.opened?.(this, storage.recovered, generation));
        return tappedLog(storage, process, {
          wrote: (batch) => this.#world.tell((observer) => observer.wrote?.(this, batch)),
          durable: (batch) => this.#world.tell((observer) => observer.durable?.(this, batch)),
          replaced: (snapshot) => this.#world.tell((observer) => observer.logReplaced?.(this, snapshot)),
          saved: (snapshot) => this.#world.tell((observer) => observer.snapshotSaved?.(this, snapshot)),
        });
      },
      openFiles: () => gatedFiles(this.files, process),
      openDataPlane: () =>
        process.call(async () => {
          this.#names = this.#newNames(process, { ownAddresses: false });
          return (this.#plane = new SimulatedPlane(this.#names));
        }),
      openOverlay: () =>
        process.call(async () => {
          const owner = { clusterId: clusterId(identity.clusterId), nodeId: nodeId(identity.nodeId) };
          this.#overlayOwner = owner;
          const underlay = parseAddress(membership.address).host;
          const names = this.#newNames(process, { ownAddresses: true });
          const overlay = openOverlay(this.#overlayWorld(process), { ...owner, underlay, names, random: this.#random });
          this.#plane = names;
          this.#names = names;
          this.#overlay = overlay.plane;
          return overlay;
        }),
    };
  }

  #log(): Log {
    const at =
      (level: LogLevel) =>
      (message: string, fields: LogFields = {}): void =>
        this.#world.tell((observer) => observer.logged?.(this, level, message, fields));
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }
}

/** What a host of size 1 has. */
const CPUS = 4;
const MEMORY_BYTES = 8 * 2 ** 30;
/** What every host offers beside: two with names, and three that are only counted. */
const GENERIC = { gpu: ["gpu-0", "gpu-1"], seat: 3 };

/** As long as a real call waits. */
const JOIN_TIMEOUT_MS = 12_000;
