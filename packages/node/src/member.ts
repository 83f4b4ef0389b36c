import { ClusterError, messageOf, type Clock, type Log, type NodeId, type Random, type Scope } from "@murmur/base";
import { Agent, GossipDriver, type KeyValue, type Runtime } from "@murmur/agent";
import type { Cluster, NodeStanding } from "@murmur/api";
import { GossipKeyRing, parseGossipKey, verifyPeer, type NodeIdentity } from "@murmur/identity";
import { clusterId, type ClusterFacts, type Command } from "@murmur/model";
import type { DataPlane } from "@murmur/network";
import { parseAddress, type PeerTransport } from "@murmur/transport";
import { AddressBook } from "./address-book.ts";
import { RENEW_METHOD } from "./admission.ts";
import { AgentSessions } from "./agent-sessions.ts";
import { keepCertificate } from "./certificate-renewal.ts";
import { ClusterAdapter } from "./cluster-adapter.ts";
import { GossipFacts } from "./gossip-facts.ts";
import { isGone, openClusterDatagrams, reliableChannel, verdictOn } from "./gossip-wires.ts";
import type { IdentityStore, StoredMembership } from "./identity-store.ts";
import { DEPARTURE, departureView, LOOK_TIMEOUT_MS, type DepartureView } from "./departure.ts";
import type { Manager } from "@murmur/manager";
import { ManagerClient, type AskOptions } from "./manager-client.ts";
import { ManagerHost, managerOf } from "./manager-host.ts";
import type { MemberWires } from "./member-wires.ts";
import { PeerDesk } from "./peer-desk.ts";
import { MURMUR_VERSION } from "./version.ts";
import { hearWithdrawals, withdrawals } from "./withdrawals.ts";

/** What stays the same over a machine's memberships. */
export interface MemberStart {
  /** Named in `node ls`; undefined: the machine's name. */
  readonly hostname: string | undefined;
  readonly wires: MemberWires;
  readonly identities: IdentityStore;
  readonly identity: NodeIdentity;
  readonly membership: StoredMembership;
  /** Set on the node that starts the cluster. */
  readonly bootstrap: { readonly commands: readonly Command[] } | undefined;
  readonly runtime: Runtime;
  readonly records: KeyValue;
  /** Answers the requests that nodes without a replica send here. */
  readonly answer: (request: Request) => Promise<Response>;
  /** Empties the agent's records. */
  readonly forgetTasks: () => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: () => string;
  readonly log: Log;
}

type Callbacks = { readonly onRemoved: () => void; readonly onFatal: (error: unknown) => void };

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
  readonly #book: AddressBook;
  readonly #client: ManagerClient;
  readonly #desk: PeerDesk;
  #cluster: { readonly manager: Manager; readonly adapter: ClusterAdapter } | undefined;
  #ring: GossipKeyRing;

  /** Builds and starts the parts in the order in which they need each other. */
  static async start(start: MemberStart & Callbacks, scope: Scope): Promise<Member> {
    const { identity, membership, wires, clock, random, log } = start;
    const self = identity.nodeId;
    // Parts that speak of each other are reached through this; nothing does before all are built.
    let member: Member | undefined;
    const built = (): Member => {
      if (member === undefined) throw new ClusterError("unavailable", "this node is still starting");
      return member;
    };
    const book = new AddressBook(
      (id) => (member?.gossip.member(id)?.state === "alive" ? member.gossip.member(id)?.address : undefined),
      membership.peers,
    );
    const transport = scope.use(
      await wires.openTransport({
        identity: () => member?.identity ?? identity,
        verifyPeer: (certificate) =>
          verifyPeer(certificate.raw, {
            caPem: (member?.identity ?? identity).caPem,
            clusterId: identity.clusterId,
            now: clock.now(),
          }),
        addressOf: (id) => book.addressOf(id),
      }),
    );
    const ring = new GossipKeyRing(identity.gossipKeys);
    const facts = new GossipFacts(clock, (avoided) => member?.plane.avoid(avoided));
    const datagrams = scope.use(
      await openClusterDatagrams({
        ring: () => member?.ring ?? ring,
        open: (handlers) => wires.openDatagrams(handlers),
      }),
    );
    const gossip = new GossipDriver({
      self: { id: self, address: membership.address, meta: new Uint8Array() },
      datagrams,
      reliable: reliableChannel(transport, (address) => member?.idAt(address) ?? book.idAt(address)),
      clock,
      random,
      log,
    });
    scope.defer(() => gossip.stop());
    const host = new ManagerHost(
      {
        self,
        openLog: () => wires.openLog(),
        newId: start.newId,
        transport,
        liveness: {
          verdict: (id) => verdictOn(gossip, id),
        },
        facts: () => member?.agent.facts(),
        isManager: async (signal) => (await built().look(signal)).manager,
        clock,
        random,
        log,
        onFatal: start.onFatal,
      },
      scope,
    );
    const plane = scope.use(await wires.openDataPlane());
    const agent = new Agent({
      node: {
        nodeId: self,
        clusterId: clusterId(identity.clusterId),
        dataAddress: parseAddress(membership.address).host,
        dataPlane: "ports",
      },
      ...(start.hostname === undefined ? {} : { hostname: start.hostname }),
      murmurVersion: MURMUR_VERSION,
      address: membership.address,
      runtime: start.runtime,
      sessions: new AgentSessions({
        self,
        transport,
        managers: () => book.managers(),
        local: () => host.serving(),
        random,
        log,
      }),
      withdrawals: withdrawals({ self, facts, gossip, transport }),
      store: start.records,
      clock,
      random,
      log,
    });
    member = new Member(start, scope, { transport, gossip, host, plane, agent, book, ring });
    gossip.onMember((_change, { id, state }) => facts.setDead(id, state === "dead" || state === "left"));
    scope.use(hearWithdrawals({ facts, gossip, transport }));
    agent.onEndpoints((table) => {
      facts.follow(table);
      plane.update(table);
    });
    agent.onFacts((news) => built().#learn(news));
    agent.onRemoved(start.onRemoved);
    member.#desk.open(scope);
    gossip.start();
    await host.start(start.bootstrap);
    scope.defer(() => agent.stop());
    await agent.start();
    gossip.join(membership.peers.map(({ address }) => address));
    member.#keepCertificate();
    return member;
  }

  private constructor(
    start: MemberStart,
    scope: Scope,
    parts: {
      transport: PeerTransport;
      gossip: GossipDriver;
      host: ManagerHost;
      plane: DataPlane;
      agent: Agent;
      book: AddressBook;
      ring: GossipKeyRing;
    },
  ) {
    this.#start = start;
    this.#scope = scope;
    this.#identity = start.identity;
    this.transport = parts.transport;
    this.gossip = parts.gossip;
    this.host = parts.host;
    this.plane = parts.plane;
    this.agent = parts.agent;
    this.#book = parts.book;
    this.#ring = parts.ring;
    const { answer, clock, log, random } = start;
    const self = start.identity.nodeId;
    this.#client = new ManagerClient({
      self,
      transport: this.transport,
      managers: () => this.#book.managers(),
      isGone: (id) => isGone(this.gossip, id),
      answer: (method, body, signal) => this.#desk.answerAsManager({ method, from: self, body }, signal),
      random,
    });
    this.#desk = new PeerDesk({
      transport: this.transport,
      manager: () => managerOf(this.host),
      serves: () => this.host.serving() !== undefined,
      plane: this.plane,
      askManager: (method, body, signal) => this.#client.ask(method, body, { signal }),
      answer,
      clock,
      log,
    });
  }

  /** The node that is known to be at an address. */
  idAt(address: string): NodeId | undefined {
    return this.gossip.members().find((member) => member.address === address)?.id ?? this.#book.idAt(address);
  }

  get identity(): NodeIdentity {
    return this.#identity;
  }
  get ring(): GossipKeyRing {
    return this.#ring;
  }

  standing(): NodeStanding {
    const managers = this.#book.managers().map((id) => ({ id, address: this.#book.addressOf(id) ?? "" }));
    return {
      state: "active",
      nodeId: this.#identity.nodeId,
      address: this.#start.membership.address,
      manager: this.host.serving() !== undefined,
      managers,
    };
  }

  /** The replicated state, while this node is a manager that takes part. */
  cluster(): Cluster | undefined {
    const manager = this.host.serving();
    if (manager === undefined) return undefined;
    // One for each manager: streams end when it is another one's.
    if (this.#cluster?.manager === manager) return this.#cluster.adapter;
    const adapter = new ClusterAdapter({
      self: this.#identity.nodeId,
      manager,
      transport: this.transport,
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

  /** Calls a method that any manager answers. */
  askManager(method: string, body: unknown, options: AskOptions): Promise<unknown> {
    return this.#client.ask(method, body, options);
  }

  /** What another manager knows of this node's part in the cluster. */
  async look(signal: AbortSignal): Promise<DepartureView> {
    return departureView(await this.askManager(DEPARTURE.look, null, { signal, timeoutMs: LOOK_TIMEOUT_MS }));
  }

  /** Hands leadership over before this process ends, if it leads. */
  async handOver(): Promise<void> {
    await this.agent.drain(500);
    await this.host.manager()?.handOver(this.#scope.signal);
  }

  /** The cluster has told its nodes who is in it, and with which keys. */
  #learn(news: ClusterFacts): void {
    const { identities, membership } = this.#start;
    this.#useKeys(news.gossipKeys);
    const others = news.nodes.filter(({ id }) => id !== this.#identity.nodeId);
    this.gossip.join(others.filter(({ id }) => isGone(this.gossip, id)).map(({ address }) => address));
    if (!this.#book.learn(news)) return;
    this.#store("the nodes' addresses", () => identities.writeMembership({ ...membership, peers: this.#book.all() }));
  }

  /** New keys are taken over from the managers, so that a rotation reaches every node. */
  #useKeys(keys: readonly string[]): void {
    if (keys.length === 0 || keys.join() === this.#identity.gossipKeys.join()) return;
    try {
      const gossipKeys = keys.map(parseGossipKey);
      this.#ring = new GossipKeyRing(gossipKeys);
      this.#replaceIdentity({ ...this.#identity, gossipKeys });
    } catch (error) {
      this.#start.log.error("the cluster's gossip keys can't be read", { error: messageOf(error) });
    }
  }

  #replaceIdentity(identity: NodeIdentity): void {
    this.#identity = identity;
    this.#store("the identity", () => this.#start.identities.writeIdentity(identity));
  }

  /** Writes in the background. What can't be written is in use all the same; a restart will find the older state. */
  #store(what: string, write: () => Promise<void>): void {
    this.#scope.run("store", async () => {
      try {
        await write();
      } catch (error) {
        this.#start.log.error("a record could not be stored; check the data directory", {
          what,
          error: messageOf(error),
        });
      }
    });
  }

  #keepCertificate(): void {
    const { clock, log } = this.#start;
    this.#scope.run("certificate", (signal) =>
      keepCertificate(
        {
          identity: () => this.#identity,
          replace: (identity) => {
            this.#replaceIdentity(identity);
            this.transport.identityChanged();
          },
          ask: (body) => this.askManager(RENEW_METHOD, body, { signal }),
          clock,
          log,
        },
        signal,
      ),
    );
  }
}
