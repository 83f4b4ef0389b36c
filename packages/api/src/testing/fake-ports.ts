import { ClusterError, ManualClock, silentLog, type Clock } from "@murmur/base";
import {
  joinSecretOf,
  type ClusterSecrets,
  type ClusterSpec,
  type Guest,
  type NamedGossipKey,
  type NetworkId,
  type NextRoot,
} from "@murmur/model";
import { openBackup } from "../backup/backup-file.ts";
import type { DoctorReport, RecoveryPlan } from "../murmur-types.ts";
import type {
  RootRequest,
  ApiPorts,
  DoctorRequest,
  Engine,
  EngineRequest,
  EngineStream,
  InitRequest,
  JoinRequest,
  NodeStanding,
  RestoreRequest,
} from "../ports.ts";
import { MemoryCluster, NODE_ONE } from "./memory-cluster.ts";

const BRIDGE = { Name: "bridge", Id: "b".repeat(64), Scope: "local", Driver: "bridge" };

export interface FakeEngine extends Engine {
  down: boolean;
  experimental: boolean;
  /** `label`: what a filter finds it by. */
  readonly networks: object[];
  /** What a stream of a path is, by the path without its query: an answer to each request. */
  readonly streams: Map<string, (path: string, signal: AbortSignal) => EngineStream>;
  /** Answers to GETs beside the usual ones. */
  readonly answers: Map<string, unknown>;
  /** The same to GETs that are handed on, as they come. */
  readonly texts: Map<string, string>;
  /** What it says to every POST; undefined: it does what it is asked. */
  refusal: { readonly status: number; readonly message: string } | undefined;
  /** What it was sent, bodies as text. */
  readonly sent: (Omit<EngineRequest, "body"> & { readonly body: string | undefined })[];
}

/** An engine that answers a ping, `/info` and `/version`, and has one network; or none at all. */
export function fakeEngine(): FakeEngine {
  const answers: Readonly<Record<string, unknown>> = {
    "/info": { ID: "ENGI:NE", Name: "alpha", ServerVersion: "20.10.24", Swarm: { LocalNodeState: "inactive" } },
    "/version": {
      Version: "20.10.24",
      ApiVersion: "1.41",
      MinAPIVersion: "1.12",
      Os: "linux",
      Arch: "amd64",
      Components: [{ Name: "Engine", Version: "20.10.24", Details: { ApiVersion: "1.41" } }],
    },
    "/networks/bridge": BRIDGE,
    "/networks/b": BRIDGE,
  };
  const networks: object[] = [BRIDGE];
  return {
    down: false,
    experimental: false,
    networks,
    sent: [],
    streams: new Map(),
    answers: new Map(),
    texts: new Map(),
    refusal: undefined,
    address: { host: "127.0.0.1", port: 1 },
    async facts() {
      return this.down
        ? undefined
        : { answers: true, apiVersion: "1.41", builderVersion: "1", experimental: this.experimental, osType: "linux" };
    },
    async get(path) {
      if (this.down) throw new ClusterError("unavailable", "the container engine doesn't answer: connection refused");
      const place = path.split("?", 1)[0] ?? "";
      const body = place === "/networks" ? listed(networks, path) : (this.answers.get(place) ?? answers[place]);
      return body === undefined ? { status: 404, body: { message: "page not found" } } : { status: 200, body };
    },
    takeOver: () => Promise.reject(new ClusterError("unavailable", "this engine runs no commands")),
    async stream({ path }, signal) {
      if (this.down) throw new ClusterError("unavailable", "the container engine doesn't answer: connection refused");
      const made = this.streams.get(path.split("?", 1)[0] ?? "");
      return made?.(path, signal) ?? { status: 404, body: pieces('{"message":"No such container"}') };
    },
    async send({ body, ...request }, signal) {
      this.sent.push({ ...request, body: body && new TextDecoder().decode(body) });
      const text = this.texts.get(request.path);
      if (text !== undefined) return new Response(text, { headers: { "content-type": "application/json" } });
      if (request.method === "POST" && this.refusal !== undefined) {
        const { status, message } = this.refusal;
        return Response.json({ message }, { status });
      }
      if (request.method === "GET") {
        const { status, body: answer } = await this.get(request.path, signal);
        return Response.json(answer, { status });
      }
      if (request.path.includes("/prune")) return Response.json({ NetworksDeleted: ["old-local"] });
      return request.method === "DELETE"
        ? new Response(null, { status: 204 })
        : Response.json({ Id: "e".repeat(64), Warning: "" }, { status: 201 });
    },
  };
}

/** A body in pieces. */
export async function* pieces(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield typeof text === "string" ? new TextEncoder().encode(text) : text;
}

/** All of them, or those that have the label that is asked for. */
function listed(networks: readonly object[], path: string): readonly object[] {
  const [, label] = /"label":\["([^"]+)"\]/.exec(decodeURIComponent(path)) ?? [];
  return label === undefined ? networks : networks.filter((network) => "label" in network && network.label === label);
}

const ACTIVE: NodeStanding = {
  state: "active",
  nodeId: NODE_ONE,
  address: "10.0.0.1:7373",
  manager: true,
  managers: [{ id: NODE_ONE, address: "10.0.0.1:7373" }],
};

/** Everything that the API needs, in memory. */
export class FakePorts<C extends Clock = ManualClock> implements ApiPorts {
  readonly murmurVersion = "0.1.0";
  readonly clock: C;
  readonly log = silentLog;
  readonly engine: Engine;
  /** Undefined: this node is no manager. */
  replica: MemoryCluster | undefined = new MemoryCluster();
  standing: NodeStanding = ACTIVE;
  readonly forwarded: Request[] = [];
  forward: (request: Request) => Promise<Response> = async () => {
    throw new ClusterError("unavailable", "no manager can be reached");
  };
  /** What other nodes say of their tasks. */
  askNode: ApiPorts["askNode"] = async () => {
    throw new ClusterError("unavailable", "it is down");
  };
  /** This node's volumes, and how often they were said to have changed. */
  heldVolumes: string[] = [];
  volumeChanges = 0;
  readonly volumes = {
    held: (): readonly string[] => this.heldVolumes,
    labels: () => ({ "murmur.cluster.id": "c1" }),
    changed: (): void => {
      this.volumeChanges += 1;
      this.tellVolumes();
    },
  };
  /** What comes of it: the agent tells the managers. */
  tellVolumes: () => void = () => {};
  guests: readonly Guest[] = [];
  /** The engine's name of a network of this node's own, or why there is none. */
  ownNetwork: (id: NetworkId) => Promise<string> = (id) => Promise.resolve(`murmur.own.${id}`);
  /** What `init`, `join` and `leave` were called with. */
  readonly calls: unknown[] = [];
  #ids = 0;
  #secrets = 0;

  constructor(engine: Engine, clock: C) {
    this.engine = engine;
    this.clock = clock;
  }

  static onManualClock(engine: Engine = fakeEngine()): FakePorts {
    return new FakePorts(engine, new ManualClock());
  }

  readonly newId = (): string => {
    this.#ids += 1;
    return `id${String(this.#ids).padStart(3, "0")}`.padEnd(25, "x");
  };
  readonly cluster = (): MemoryCluster | undefined => this.replica;
  readonly tokens = {
    newSecret: (): string => {
      this.#secrets += 1;
      return `secret-${String(this.#secrets)}`;
    },
    newUnlockKey: (): string => {
      this.#secrets += 1;
      return `SWMKEY-1-${String(this.#secrets)}`;
    },
    newGossipKey: (): NamedGossipKey => {
      this.#secrets += 1;
      return { name: `ab${String(this.#secrets)}`, key: `gossip-${String(this.#secrets)}` };
    },
    format: (cluster: { secrets: ClusterSecrets }, role?: "worker" | "manager"): string =>
      `MURMUR-1-digest-${joinSecretOf(cluster.secrets, role)}`,
  };
  readonly authority = {
    next: (cluster: { caPem: string }, { given }: RootRequest): Promise<NextRoot> => {
      this.#secrets += 1;
      const made = String(this.#secrets);
      return Promise.resolve({
        root: given === undefined ? `AA:${made}` : "BB",
        caPem: given?.certificatePem ?? `root-${made}`,
        crossPem: `${cluster.caPem} by itself`,
        ...(given !== undefined && given.keyPem === undefined
          ? { statement: { certificatePem: "statement", keyPem: "statement key" } }
          : { caKeyPem: given?.keyPem ?? `key-${made}` }),
        joinSecret: `next-${made}`,
        roleSecrets: { worker: `next-worker-${made}`, manager: `next-manager-${made}` },
      });
    },
    check: (_cluster: unknown, { externalCas }: ClusterSpec): Promise<void> => {
      this.checked.push((externalCas ?? []).map(({ url }) => url));
      return Promise.resolve();
    },
  };
  /** The external CAs that were asked whether they sign. */
  readonly checked: (readonly string[])[] = [];
  readonly metrics = { text: () => Promise.resolve("murmur_up 1\n") };
  readonly node = {
    status: (): NodeStanding => this.standing,
    init: async (request: InitRequest): Promise<void> => {
      if (this.standing.state === "active") throw alreadyIn();
      this.calls.push(request);
      this.replica = new MemoryCluster(request);
      this.standing = ACTIVE;
    },
    join: async (request: JoinRequest): Promise<void> => {
      if (this.standing.state === "active") throw alreadyIn();
      this.calls.push(request);
      this.standing = ACTIVE;
    },
    restore: async ({ backup, ...options }: RestoreRequest): Promise<void> => {
      if (this.standing.state === "active") throw alreadyIn();
      const { header, chunks } = await openBackup(backup);
      const replica = new MemoryCluster();
      const restore = replica.store.restore();
      for await (const chunk of chunks) restore.push(chunk);
      restore.finish();
      this.calls.push({ ...options, clusterId: header.clusterId });
      this.replica = replica;
      this.standing = ACTIVE;
    },
    guests: (): readonly Guest[] => this.guests,
    ownNetwork: (id: NetworkId): Promise<string> => this.ownNetwork(id),
    doctor: async ({ repair, nodes }: DoctorRequest): Promise<DoctorReport> => ({
      nodes: [
        {
          id: "n1",
          hostname: nodes.join() || "host1",
          state: "checked",
          differences: [{ ...aDifference, mended: repair }],
        },
      ],
    }),
    secretsKey: () => "the-key",
    recoveryPlan: async (): Promise<RecoveryPlan> => aPlan,
    recover: async (request: { readonly force: boolean }): Promise<RecoveryPlan> => {
      this.calls.push(request);
      return aPlan;
    },
    unlock: async (key: string): Promise<void> => {
      if (this.standing.state !== "locked") throw new ClusterError("already_exists", "swarm is not locked");
      if (key !== this.replica?.unlockKey())
        throw new ClusterError("unauthenticated", "swarm could not be unlocked: invalid key provided");
      this.standing = ACTIVE;
    },
    leave: async (request: { readonly force: boolean }): Promise<void> => {
      this.calls.push(request);
      this.leave();
    },
  };

  leave(): void {
    this.replica = undefined;
    this.standing = { state: "outside" };
  }
}

const aDifference = { where: "host", what: "the bridge is missing" };

const aPlan: RecoveryPlan = {
  cluster: { id: "c0aaaaaaaaaaaaaaaaaaaaaaa", name: "default" },
  node: { id: NODE_ONE, hostname: "alpha", address: "10.0.0.1:7373" },
  advised: true,
  verdict: "most managers can't be reached",
  managers: [],
  log: { term: 3, lastIndex: 7, committed: 7, uncommitted: 0 },
  keeps: { nodes: 2, services: 0, tasks: 0, running: 0 },
  mayLose: [],
};

const alreadyIn = (): ClusterError =>
  new ClusterError("already_in_cluster", "this node is part of a cluster already: leave it first");
