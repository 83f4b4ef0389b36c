import { hostname as machineName } from "node:os";
import { messageOf, type Clock, type Log, type NodeId, type Random, type Scope } from "@murmur/base";
import type { Agent, GossipDriver, KeyValue, Runtime } from "@murmur/agent";
import type { Cluster, NodeStanding } from "@murmur/api";
import {
  GossipKeyRing,
  parseGossipKey,
  type DiskSeal,
  type NodeIdentity,
  type SealKey,
  type UnlockKey,
} from "@murmur/identity";
import type { Manager } from "@murmur/manager";
import type { ClusterFacts, Guest, NodeCertificate } from "@murmur/model";
import type { DataPlane } from "@murmur/network";
import type { PeerTransport } from "@murmur/transport";
import type { AddressBook } from "./address-book.ts";
import { AuthorityKeeper } from "./authority-keeper.ts";
import { AuthoritySigner } from "./authority-signer.ts";
import type { CallExternalCa } from "./external-ca.ts";
import { RENEW_METHOD } from "./renewal.ts";
import { ClusterAdapter } from "./cluster-adapter.ts";
import { Doctor } from "./doctor.ts";
import type { GuestDesk } from "./guest-desk.ts";
import { DEPARTURE, departureView, LOOK_TIMEOUT_MS, type DepartureView } from "./departure.ts";
import type { Generation } from "./generation.ts";
import type { GenerationKeeper } from "./generation-keeper.ts";
import { isGone, verdictOn } from "./gossip-wires.ts";
import type { IdentityStore, StoredMembership } from "./identity-store.ts";
import type { LockKeeper } from "./lock-keeper.ts";
import { ManagerClient, type AskOptions } from "./manager-client.ts";
import { managerOf, type ManagerHost } from "./manager-host.ts";
import type { Bootstrap } from "./manager-host-options.ts";
import {
  describeSelf,
  newAgent,
  newHost,
  newLocks,
  newRecords,
  newSeals,
  newSeeds,
  newSessions,
  openGuests,
  openLines,
  openOverlay,
  type Lines,
} from "./member-parts.ts";
import type { MemberOverlay, MemberWires } from "./member-wires.ts";
import { PeerDesk } from "./peer-desk.ts";
import type { PeerRecords } from "./peer-records.ts";
import { Recovery } from "./recovery.ts";
import type { SealDesk } from "./seal-desk.ts";
import type { SeedAddresses } from "./seeds.ts";
import { decodeDescription } from "./self-description.ts";
import { askAboutTasks } from "./task-questions.ts";
import { hearWithdrawals } from "./withdrawals.ts";

/** What stays the same over a machine's memberships. */
export interface MemberStart {
  /** Named in `node ls`; undefined: the machine's name. */
  readonly hostname: string | undefined;
  readonly wires: MemberWires;
  readonly identities: IdentityStore;
  readonly identity: NodeIdentity;
  readonly membership: StoredMembership;
  /** Where the user says that nodes of the cluster are; undefined: nobody said anything. */
  readonly seeds?: SeedAddresses;
  /** Which life of the cluster this node was in; undefined in the first. */
  readonly generation?: Generation | undefined;
  /** Set on the node that starts the cluster, or restores it. */
  readonly bootstrap: Bootstrap | undefined;
  readonly runtime: Runtime;
  readonly records: KeyValue;
  /** Answers the requests that nodes without a replica send here. */
  readonly answer: (request: Request) => Promise<Response>;
  /** Answers what other nodes, or this one, ask about the containers of this node's tasks. */
  readonly answerTasks: (request: Request) => Promise<Response>;
  /** How external CAs are reached. A world without them needs none. */
  readonly callExternalCa?: CallExternalCa;
  /** Empties the agent's records. */
  readonly forgetTasks: () => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
  readonly log: Log;
}

export type Callbacks = { readonly onRemoved: () => void; readonly onFatal: (error: unknown) => void };

/** Everything that runs while this machine is a node of a cluster. Its parts end with the scope that it was started in. */
export class Member {
  readonly #start: MemberStart;
  readonly #scope: Scope;
  #identity: NodeIdentity;
  readonly transport: PeerTransport;
  readonly gossip: GossipDriver;
  readonly agent: Agent;
  readonly host: ManagerHost;
  readonly plane: DataPlane;
  readonly overlay: MemberOverlay | undefined;
  #guests: GuestDesk | undefined;
  readonly #book: AddressBook;
  readonly #records: PeerRecords;
  readonly #client: ManagerClient;
  readonly #desk: PeerDesk;
  readonly #generations: GenerationKeeper;
  readonly #seals: SealDesk;
  readonly #locks: LockKeeper;
  readonly #authority: AuthorityKeeper;
  /** Signs other nodes' certificates, while this one is a manager. */
  readonly signer: AuthoritySigner;
  readonly recovery: Recovery;
  readonly doctor: Doctor;
  #cluster: { readonly manager: Manager; readonly adapter: ClusterAdapter } | undefined;
  #ring: GossipKeyRing;
  /** What the managers said last. */
  #keysTold: readonly string[];
  /** Writes of the identity follow one another: each has all that changed before it. */
  #writing: Promise<unknown> = Promise.resolve();

  /** Builds and starts the parts in the order in which they need each other. */
  static async start(start: MemberStart & Callbacks, scope: Scope): Promise<Member> {
    const { membership, wires } = start;
    // Parts that speak of each other are reached through this; nothing does before all are built.
    let member: Member | undefined;
    const lines = await openLines(start, scope, () => member);
    const { gossip, facts, transport, generations, book } = lines;
    const seals = newSeals(start, scope, { lines, member: () => member });
    const locks = newLocks(start, { seals, member: () => member });
    const host = newHost(start, scope, { lines, seals, locks, member: () => member });
    const overlay = await openOverlay(start);
    const plane = scope.use(overlay?.plane ?? (await wires.openDataPlane()));
    const sessions = newSessions(start, lines, host);
    const agent = newAgent(start, lines, { sessions, overlay, plane, certificate: () => built.certificate() });
    const built = new Member(start, scope, { ...lines, seals, locks, host, plane, overlay, agent });
    member = built;
    gossip.onMember((_change, { id, state, meta }) => {
      const gone = state === "dead" || state === "left";
      facts.setDead(id, gone);
      book.hear(id, !gone && decodeDescription(meta).manager);
      built.#records.changed();
    });
    scope.use(hearWithdrawals({ facts, gossip, transport, settled: () => plane.settled() }));
    agent.onEndpoints((table) => {
      facts.follow(table);
      plane.update(table);
    });
    const guests = overlay && openGuests(overlay, lines, { self: start.identity.nodeId, clock: start.clock, scope });
    built.#guests = guests;
    agent.onFacts((news) => {
      built.#learn(news);
      overlay?.plane.facts(news);
      guests?.learn(news.nodes);
    });
    agent.onRemoved(start.onRemoved);
    const describe = describeSelf(start, scope, { lines, host });
    generations.onChange((generation) => {
      book.startFrom(generation.manager);
      describe();
      agent.certificateChanged();
      built.#authority.lookAgain();
      sessions.dropRemote();
      if (generation.manager.id !== start.identity.nodeId) host.supersede();
    });
    generations.open(scope);
    built.#desk.open(scope);
    scope.use(built.recovery.open());
    scope.use(built.doctor.open());
    gossip.start();
    // Before this node's manager takes part, as with the peers that it knows.
    const seeds = newSeeds(start, lines, () => built.identity);
    await seeds.ask(scope.signal);
    await host.start(start.bootstrap);
    locks.start(scope);
    scope.defer(() => agent.stop());
    await agent.start();
    gossip.join(membership.peers.map(({ address }) => address));
    scope.run("seeds", (signal) => seeds.seek(signal));
    scope.run("certificate", (signal) => built.#authority.run(signal));
    return built;
  }

  /** Containers that are connected by hand to the cluster's networks, on any node, as far as was told. */
  get guests(): readonly Guest[] {
    return this.#guests?.all ?? [];
  }

  private constructor(
    start: MemberStart,
    scope: Scope,
    parts: Lines & {
      readonly seals: SealDesk;
      readonly locks: LockKeeper;
      readonly host: ManagerHost;
      readonly plane: DataPlane;
      readonly overlay: MemberOverlay | undefined;
      readonly agent: Agent;
    },
  ) {
    this.#start = start;
    this.#scope = scope;
    this.#identity = start.identity;
    this.transport = parts.transport;
    this.gossip = parts.gossip;
    this.host = parts.host;
    this.plane = parts.plane;
    this.overlay = parts.overlay;
    this.agent = parts.agent;
    this.#authority = this.#newAuthority();
    this.#book = parts.book;
    this.#records = newRecords(start, scope, parts.book);
    this.#ring = parts.ring;
    this.#keysTold = start.identity.gossipKeys;
    this.#generations = parts.generations;
    this.#seals = parts.seals;
    this.#locks = parts.locks;
    const { answer, answerTasks, newId, clock, log, random } = start;
    this.signer = new AuthoritySigner({
      ...(start.callExternalCa && { call: start.callExternalCa }),
      client: () => this.#identity,
      clock,
      log,
    });
    const self = start.identity.nodeId;
    this.#client = new ManagerClient({
      self,
      transport: this.transport,
      managers: () => this.#book.managers(),
      isGone: (id) => isGone(this.gossip, id),
      answer: (method, body, signal) => this.#desk.answerAsManager({ method, from: self, body }, signal),
      random,
    });
    this.recovery = new Recovery({
      self,
      host: this.host,
      generations: parts.generations,
      transport: this.transport,
      gossip: this.gossip,
      managers: () => this.#managers(),
      clock,
      random,
      log,
    });
    this.doctor = new Doctor({
      self,
      hostname: start.hostname ?? machineName(),
      plane: this.plane,
      transport: this.transport,
      isGone: (id) => isGone(this.gossip, id),
      clock,
    });
    this.#desk = new PeerDesk({
      self,
      transport: this.transport,
      manager: () => managerOf(this.host),
      serves: () => this.host.answering() !== undefined,
      generations: parts.generations,
      isAlive: (signal) => this.look(signal),
      signer: this.signer,
      plane: this.plane,
      askManager: (method, body, signal) => this.#client.ask(method, body, { signal }),
      answer,
      seals: { keys: () => this.#identity.sealKeys, has: (digests) => this.#seals.has(digests) },
      answerTasks,
      isMember: (id) => this.agent.facts()?.nodes.some((node) => node.id === id),
      newId,
      clock,
      log,
    });
  }

  /** The node that is known to be at an address: one that is up rather than one that was there before. */
  idAt(address: string): NodeId | undefined {
    const members = this.gossip.members().filter((member) => member.address === address);
    const alive = members.find(({ state }) => state === "alive");
    return alive?.id ?? this.#book.idAt(address) ?? members[0]?.id;
  }

  get identity(): NodeIdentity {
    return this.#identity;
  }
  /** Which life of the cluster this node is in. */
  get generation(): number {
    return this.#generations.number;
  }
  get ring(): GossipKeyRing {
    return this.#ring;
  }

  standing(): NodeStanding {
    return {
      state: "active",
      nodeId: this.#identity.nodeId,
      address: this.#start.membership.address,
      manager: this.host.serving() !== undefined,
      managers: this.#managers(),
    };
  }

  /** The managers that this node knows, and where they are. */
  #managers(): { readonly id: NodeId; readonly address: string }[] {
    return this.#book.managers().map((id) => ({ id, address: this.#book.addressOf(id) ?? "" }));
  }

  /** The replicated state, while this node is a manager that takes part. */
  cluster(): Cluster | undefined {
    const manager = this.host.answering();
    if (manager === undefined) return undefined;
    // One for each manager: streams end when it is another one's.
    if (this.#cluster?.manager === manager) return this.#cluster.adapter;
    const adapter = new ClusterAdapter({
      self: this.#identity.nodeId,
      manager,
      generation: this.#generations.number,
      transport: this.transport,
      seals: this.#seals,
      locks: this.#locks,
      checkPorts: (ports) => this.plane.portsInUse(ports),
      log: this.#start.log,
    });
    this.#cluster = { manager, adapter };
    return adapter;
  }

  /** Answers a request through any manager that can be reached. */
  forward(request: Request): Promise<Response> {
    return this.#client.forward(request);
  }

  /** Asks a node, perhaps this one, about the containers of its tasks. `unavailable` when it can't be reached. */
  askNode(node: NodeId, request: Request): Promise<Response> {
    if (node === this.#identity.nodeId) return this.#start.answerTasks(request);
    const isDown = (): boolean => verdictOn(this.gossip, node) === "dead";
    return askAboutTasks({ transport: this.transport, node, isDown, clock: this.#start.clock }, request);
  }

  /** Calls a method that any manager answers. */
  askManager(method: string, body: unknown, options: AskOptions): Promise<unknown> {
    return this.#client.ask(method, body, options);
  }

  /** What another manager knows of this node's part in the cluster. */
  async look(signal: AbortSignal): Promise<DepartureView> {
    return departureView(await this.askManager(DEPARTURE.look, null, { signal, timeoutMs: LOOK_TIMEOUT_MS }));
  }

  /** Before this process ends: the last reports, the last look at the autolock, and leadership if this node leads. */
  async handOver(): Promise<void> {
    await Promise.all([this.agent.drain(500), this.#locks.lastLook(this.#scope.signal)]);
    await this.host.manager()?.handOver(this.#scope.signal);
  }

  /** The cluster has told its nodes who is in it, and with which keys. */
  #learn(news: ClusterFacts): void {
    this.#useKeys(news.gossipKeys);
    this.#authority.follow(news.authority);
    const others = news.nodes.filter(({ id }) => id !== this.#identity.nodeId);
    this.gossip.join(others.filter(({ id }) => isGone(this.gossip, id)).map(({ address }) => address));
    this.#book.learn(news);
    this.doctor.learn(news);
    this.#records.changed();
  }

  /** New keys are taken over from the managers, so that a rotation reaches every node, and in use once they are stored. */
  #useKeys(keys: readonly string[]): void {
    if (keys.length === 0 || keys.join() === this.#keysTold.join()) return;
    this.#keysTold = keys;
    this.#scope.run("gossip keys", async () => {
      const { log } = this.#start;
      try {
        const gossipKeys = keys.map(parseGossipKey);
        await this.#keep((identity) => ({ ...identity, gossipKeys })).catch((error: unknown) => {
          // In use all the same: after a restart this node hears of them again.
          this.#identity = { ...this.#identity, gossipKeys };
          log.error("the gossip keys could not be stored; check the data directory", { error: messageOf(error) });
        });
        this.#ring = new GossipKeyRing(this.#identity.gossipKeys);
        this.agent.certificateChanged();
      } catch (error) {
        log.error("the cluster's gossip keys can't be read", { error: messageOf(error) });
      }
    });
  }

  /** Changes what secrets are sealed with. Resolves once it is on the disk: what it has sealed must not outlive it. */
  keepSealKeys(sealKeys: readonly SealKey[]): Promise<void> {
    return this.#keep((identity) => ({ ...identity, sealKeys }));
  }

  /** Changes what the disk is sealed with. Resolves once it is on the disk, and is in force then, not before. */
  keepLock(lock: UnlockKey | undefined, disk: DiskSeal | undefined): Promise<void> {
    return this.#keep(({ disk: _before, ...identity }) => ({ ...identity, ...(disk && { disk }) }), { lock });
  }

  /** What this node has of the cluster's authority, as the managers are told. */
  certificate(): NodeCertificate {
    return this.#authority.present();
  }

  /** Writes the identity as it is. */
  storeIdentity(): Promise<void> {
    return this.#keep((identity) => identity);
  }

  /** On the disk first. What changes in memory alone meanwhile has a write of its own behind this one. */
  #keep(
    change: (identity: NodeIdentity) => NodeIdentity,
    lock?: { readonly lock: UnlockKey | undefined },
  ): Promise<void> {
    const step = async (): Promise<void> => {
      await this.#start.identities.writeIdentity(change(this.#identity), lock);
      this.#identity = change(this.#identity);
    };
    const written = this.#writing.then(step, step);
    this.#writing = written.catch(() => {});
    return written;
  }

  #newAuthority(): AuthorityKeeper {
    const { clock, log } = this.#start;
    return new AuthorityKeeper({
      identity: () => this.#identity,
      generation: () => this.#generations.current,
      keep: async (change) => {
        await this.#keep((identity) => ({ ...identity, ...change }));
        this.transport.identityChanged();
        this.agent.certificateChanged();
      },
      keepGeneration: (statement) => this.#generations.replace(statement),
      ask: (body, signal) => this.askManager(RENEW_METHOD, body, { signal }),
      clock,
      log,
    });
  }
}
