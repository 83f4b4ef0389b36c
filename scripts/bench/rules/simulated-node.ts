import { SimulatedRuntime, type TaskNetworks } from "@murmur/agent";
import { ClusterError, SeededRandom, randomId, silentLog } from "@murmur/base";
import type { EndpointTable } from "@murmur/model";
import type { DataPlane } from "@murmur/network";
import { openNode, type LocalNodeControl, type LocalNodeEdge, type MemberWires } from "@murmur/node";
import { MemoryDisk } from "@murmur/storage";
import { openDatagrams, openPeerTransport, parseAddress } from "@murmur/transport";
import { callMember } from "../../../packages/node/src/admission.ts";
import { systemClock } from "../../../packages/node/src/system-clock.ts";
import { MemoryState } from "../../../test/scenarios/memory-state.ts";

const SOFTWARE = "bench";
const ENGINE_LATENCY_MS = 5;

export interface SimulatedNodeOptions {
  readonly name: string;
  /** `IP:PORT` of this machine. */
  readonly address: string;
  /** Called with each table, at once. */
  readonly onTable: (table: EndpointTable) => void;
}

/** A whole node of a real cluster over real connections, but its engine, its disk and its kernel are in memory. */
export class SimulatedNode implements AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly engine: SimulatedRuntime;
  table: EndpointTable | undefined;
  readonly #control: LocalNodeControl;

  private constructor(
    { name, address }: SimulatedNodeOptions,
    parts: { readonly engine: SimulatedRuntime; readonly control: LocalNodeControl },
  ) {
    this.name = name;
    this.address = address;
    this.engine = parts.engine;
    this.#control = parts.control;
  }

  static async open(options: SimulatedNodeOptions): Promise<SimulatedNode> {
    const random = new SeededRandom(options.address.length * 1_000 + parseAddress(options.address).port);
    const program = () => ({ stopAfterMs: 1 });
    const engine = new SimulatedRuntime({
      clock: systemClock,
      random,
      hostname: options.name,
      latencyMs: ENGINE_LATENCY_MS,
      program,
    });
    let node: SimulatedNode | undefined;
    const onTable = (table: EndpointTable): void => {
      if (node !== undefined) node.table = table;
      options.onTable(table);
    };
    const { control } = await openNode({
      daemon: {
        listenAddr: options.address,
        advertiseAddr: options.address,
        dataPlane: undefined,
        peers: [],
        hostname: options.name,
      },
      state: new MemoryState(),
      runtime: engine,
      edge: edgeOf(options.address, onTable),
      engine: NO_ENGINE_API,
      metrics: () => ({ text: () => Promise.resolve("") }),
      clock: systemClock,
      random,
      newId: () => randomId(random),
      log: silentLog,
    });
    node = new SimulatedNode(options, { engine, control });
    return node;
  }

  join(token: string, address: string, labels: Readonly<Record<string, string>>): Promise<void> {
    const request = { token, addresses: [address], availability: "active", labels } as const;
    return this.#control.join(request, AbortSignal.timeout(60_000));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#control.stop();
  }
}

function edgeOf(address: string, onTable: (table: EndpointTable) => void): LocalNodeEdge {
  const disk = new MemoryDisk();
  const listen = parseAddress(address);
  return {
    wires: ({ clock, random, log }): MemberWires => ({
      openTransport: (wiring) => openPeerTransport({ ...wiring, listen, software: SOFTWARE, clock, random, log }),
      openDatagrams: (handlers) => openDatagrams({ ...handlers, listen, log }),
      openLog: () => disk.open(),
      openDataPlane: async () => planeOf(onTable),
      openOverlay: async () => ({ plane: planeOf(onTable), networks: NO_TASK_NETWORKS }),
    }),
    checkListenable: async () => {},
    canDo: async () => undefined,
    hostSubnets: async () => [],
    callMember: (signal) => callMember(systemClock, signal),
    wipeLog: async () => {},
  };
}

type Plane = DataPlane & { facts(): void; subnets(): readonly string[]; meet(): void };

/** Carries nothing, and is told tables. */
const planeOf = (onTable: (table: EndpointTable) => void): Plane => ({
  update: onTable,
  avoid: () => {},
  facts: () => {},
  subnets: () => [],
  meet: () => {},
  settled: async () => {},
  portsInUse: async () => [],
  check: async () => [],
  repair: async () => [],
  listeners: () => [],
  stats: () => ({
    proxies: { connections: 0, connectionsTotal: 0, refused: 0, flows: 0, packetsDropped: 0 },
    dns: { queries: 0, forwarded: 0, failed: 0, dropped: 0 },
  }),
  async [Symbol.asyncDispose]() {},
});

const NO_TASK_NETWORKS: TaskNetworks = {
  prepare: async () => ({ attached: [] }),
  attach: async () => {},
  detach: () => {},
  expect: () => {},
  tidy: async () => {},
};

const NO_ENGINE_API: Parameters<typeof openNode>[0]["engine"] = {
  address: { socketPath: "" },
  facts: () => Promise.resolve(undefined),
  get: () => Promise.reject(new ClusterError("unavailable", "there is no engine")),
  send: () => Promise.reject(new ClusterError("unavailable", "there is no engine")),
  takeOver: () => Promise.reject(new ClusterError("unavailable", "there is no engine")),
  stream: () => Promise.reject(new ClusterError("unavailable", "there is no engine")),
};
