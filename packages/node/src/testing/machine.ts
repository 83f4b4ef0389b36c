import { ClusterError, randomId, silentLog, type ManualClock, type Random } from "@murmur/base";
import { SimulatedRuntime, type TaskNetworks } from "@murmur/agent";
import type { DataPlane } from "@murmur/network";
import { MemoryDisk, type NodeState } from "@murmur/storage";
import type { MemoryNetwork } from "@murmur/transport";
import { FIRST_GENERATION } from "../generation.ts";
import { IdentityStore } from "../identity-store.ts";
import { LocalNodeControl } from "../local-node.ts";

export interface MachineOptions {
  readonly clock: ManualClock;
  readonly random: Random;
  readonly network: MemoryNetwork;
  /** `10.0.0.N:7373` */
  readonly address: string;
}

/** A machine with a daemon: what outlives the process, and the node's control as long as there is one. */
export class Machine {
  /** Where its network is; changes count from the next start of the daemon. */
  address: string;
  /** What the daemon is told at its next start; undefined: nothing, but for the address to listen on. */
  told: { readonly advertiseAddr?: string; readonly dataPlane?: "overlay"; readonly peers?: readonly string[] } = {};
  readonly engine: SimulatedRuntime;
  /** Of the cluster's first generation. */
  disk = new MemoryDisk();
  readonly #laterDisks = new Map<number, MemoryDisk>();
  control: LocalNodeControl;
  /** What binding the port says. */
  portProblem: Error | undefined;
  /** Why it can't do the overlay; undefined: it can. */
  overlayProblem: string | undefined;
  /** What it has addresses in, or routes to. */
  hostSubnets: readonly string[] = [];
  /** What the removal of a record from the disk waits for. */
  removals: Promise<void> = Promise.resolve();
  readonly #options: MachineOptions;
  readonly #records = new Map<string, string>();

  constructor(options: MachineOptions) {
    this.#options = options;
    this.address = options.address;
    this.engine = new SimulatedRuntime({ ...options, hostname: options.address });
    this.control = this.#newControl();
  }

  /** Another process on the same machine. */
  restarted(): LocalNodeControl {
    this.control = this.#newControl();
    return this.control;
  }

  /** Puts a record on the machine's disk behind its back. */
  put(name: string, text: string): void {
    this.#records.set(name, text);
  }

  get records(): ReadonlyMap<string, string> {
    return this.#records;
  }

  #diskOf(generation: number): MemoryDisk {
    if (generation === FIRST_GENERATION) return this.disk;
    const disk = this.#laterDisks.get(generation) ?? new MemoryDisk();
    this.#laterDisks.set(generation, disk);
    return disk;
  }

  #newControl(): LocalNodeControl {
    const { clock, random, network } = this.#options;
    const { address } = this;
    const records = this.#records;
    const state: NodeState = {
      get: async (name) => {
        const text = records.get(name);
        return text === undefined ? undefined : JSON.parse(text);
      },
      put: async (name, value) => void records.set(name, JSON.stringify(value)),
      delete: async (name) => {
        await this.removals;
        records.delete(name);
      },
      [Symbol.asyncDispose]: async () => {},
    };
    const identities = new IdentityStore(state);
    return new LocalNodeControl({
      daemon: {
        listenAddr: address,
        advertiseAddr: undefined,
        dataPlane: undefined,
        peers: [],
        hostname: address,
        ...this.told,
      },
      identities,
      start: {
        hostname: address,
        identities,
        runtime: this.engine,
        records: { get: async () => undefined, put: async () => {} },
        answer: async () => new Response(null, { status: 501 }),
        answerTasks: async () => new Response(null, { status: 501 }),
        forgetTasks: async () => {},
        clock,
        random,
        newId: () => randomId(random),
        log: silentLog,
      },
      edge: {
        wires: () => ({
          openTransport: async ({ identity, verifyPeer, addressOf }) =>
            network.openPeerTransport({
              nodeId: identity().nodeId,
              address,
              addressOf,
              log: silentLog,
              credentials: { identity, verifyPeer },
            }),
          openDatagrams: async (handlers) => network.openDatagrams(address, handlers),
          openLog: (generation) => this.#diskOf(generation).open(),
          keepOnlyLog: async (generation) => {
            for (const other of this.#laterDisks.keys()) if (other !== generation) this.#laterDisks.delete(other);
          },
          openDataPlane: async () => PLANE,
          openOverlay: async () => ({
            plane: { ...PLANE, facts: () => {}, subnets: () => [], meet: () => {} },
            networks: NETWORKS,
          }),
        }),
        checkListenable: async () => {
          if (this.portProblem !== undefined) throw this.portProblem;
        },
        canDo: async (plane) => (plane === "ports" ? undefined : this.overlayProblem),
        hostSubnets: async () => this.hostSubnets,
        callMember: (signal) => (to, request) =>
          new Promise((resolve, reject) => {
            const cancelled = new ClusterError("cancelled", "joining was cancelled");
            if (signal.aborted) reject(cancelled);
            signal.addEventListener("abort", () => reject(cancelled), { once: true });
            network.joinCall(address, to, request).then(resolve, reject);
          }),
        wipeLog: async () => {
          this.disk = new MemoryDisk();
          this.#laterDisks.clear();
        },
      },
    });
  }
}

/** Networks that nobody is in. */
const NETWORKS: TaskNetworks = {
  prepare: async () => ({ attached: [] }),
  attach: async () => {},
  detach: () => {},
  expect: () => {},
  tidy: async () => {},
};

/** A data plane that takes everything and does nothing. */
const PLANE: DataPlane = {
  update: () => {},
  avoid: () => {},
  settled: () => Promise.resolve(),
  portsInUse: () => Promise.resolve([]),
  check: () => Promise.resolve([]),
  repair: () => Promise.resolve([]),
  listeners: () => [],
  stats: () => {
    throw new Error("nothing is measured");
  },
  [Symbol.asyncDispose]: async () => {},
};
