import {
  ClusterError,
  codeOf,
  messageOf,
  shuffled,
  type Clock,
  type Log,
  type NodeId,
  type Random,
  type Scope,
} from "@murmur/base";
import { Agent, GossipDriver, type KeyValue, type Runtime } from "@murmur/agent";
import type { Cluster, NodeStanding } from "@murmur/api";
import { GossipKeyRing, parseGossipKey, verifyPeer, type NodeIdentity } from "@murmur/identity";
import { clusterId, type Command, type PortConfig } from "@murmur/model";
import type { DataPlane } from "@murmur/network";
import { parseAddress, type PeerTransport } from "@murmur/transport";
import { AddressBook } from "./address-book.ts";
import { admit, ADMIT_METHOD, JOIN_METHOD, renew, RENEW_METHOD } from "./admission.ts";
import { AgentSessions, channelOver, SESSION_METHOD } from "./agent-sessions.ts";
import { keepCertificate } from "./certificate-renewal.ts";
import { ClusterAdapter, PORTS_METHOD } from "./cluster-adapter.ts";
import { GossipFacts } from "./gossip-facts.ts";
import { isGone, openClusterDatagrams, reliableChannel } from "./gossip-wires.ts";
import { fetchThrough, HTTP_METHOD, serveHttp } from "./http-stream.ts";
import type { IdentityStore, StoredMembership } from "./identity-store.ts";
import { departure, DEPARTURE_METHODS } from "./departure.ts";
import { ManagerHost, managerOf } from "./manager-host.ts";
import type { MemberWires } from "./member-wires.ts";
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

const CALL_TIMEOUT_MS = 11_000;

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
          isDead: (id) => isGone(gossip, id),
        },
        facts: () => member?.agent.facts(),
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
        local: () => host.manager(),
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
    agent.onFacts((news) => {
      book.learn(news);
      built().#useKeys(news.gossipKeys);
      gossip.join(
        book
          .all()
          .map(({ address }) => address)
          .filter((address) => address !== membership.address),
      );
      scope.run("record peers", () => start.identities.writeMembership({ ...membership, peers: book.all() }));
    });
    agent.onRemoved(start.onRemoved);
    member.#serve();
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
      manager: this.host.manager() !== undefined,
      managers,
    };
  }

  /** The replicated state, while this node is a manager. */
  cluster(): Cluster | undefined {
    const manager = this.host.manager();
    if (manager === undefined) return undefined;
    return new ClusterAdapter({
      self: this.#identity.nodeId,
      manager,
      transport: this.transport,
      checkPorts: (ports) => this.plane.portsInUse(ports),
      log: this.#start.log,
    });
  }

  /** Answers a request through any manager that can be reached. */
  async forward(request: Request): Promise<Response> {
    let problem: unknown = new ClusterError("unavailable", "no manager is known");
    for (const manager of this.#otherManagers()) {
      try {
        return await fetchThrough(this.transport, manager, request);
      } catch (error) {
        problem = error;
        // A body that has been read can't be sent again; without one, a request that can't have been executed can.
        if (request.body !== null || codeOf(error) !== "unavailable" || request.signal.aborted) break;
      }
    }
    throw problem;
  }

  /** Calls a method that any manager answers; other managers come first, since this one may be on its way out. */
  async askManager(method: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const own = this.host.manager();
    let problem: unknown = new ClusterError("unavailable", "no manager is known");
    for (const manager of this.#otherManagers()) {
      try {
        return await this.transport.call(manager, method, body, { signal, timeoutMs: CALL_TIMEOUT_MS });
      } catch (error) {
        problem = error;
        if (codeOf(error) !== "unavailable" && codeOf(error) !== "timeout") throw error;
      }
    }
    if (own === undefined) throw problem;
    return this.#answerAsManager(method, this.#identity.nodeId, body, signal);
  }

  /** Hands leadership over before this process ends, if it leads. */
  async handOver(): Promise<void> {
    await this.agent.drain(500);
    await this.host.manager()?.handOver(this.#scope.signal);
  }

  #otherManagers(): readonly NodeId[] {
    const others = this.#book.managers().filter((id) => id !== this.#identity.nodeId);
    const alive = others.filter((id) => !isGone(this.gossip, id));
    return shuffled(alive.length > 0 ? alive : others, this.#start.random);
  }

  #serve(): void {
    const { transport } = this;
    const { answer, clock, log } = this.#start;
    this.#scope.use(
      transport.handleStream(SESSION_METHOD, async (from, _body, stream) => {
        await managerOf(this.host).serveSession(channelOver(from, stream));
      }),
    );
    this.#scope.use(transport.handleStream(HTTP_METHOD, (_from, body, stream) => serveHttp(stream, body, answer)));
    this.#scope.use(
      transport.handle(PORTS_METHOD, async (_from, body) =>
        Array.isArray(body) ? this.plane.portsInUse(body as readonly PortConfig[]) : [],
      ),
    );
    this.#scope.use(
      transport.handleJoin(JOIN_METHOD, async (remoteAddress, body) => {
        const manager = this.host.manager();
        const signal = this.#scope.signal;
        if (manager !== undefined) return admit(manager, body, { clock, log, signal, remoteAddress });
        return this.askManager(ADMIT_METHOD, { remoteAddress, request: body }, signal);
      }),
    );
    for (const method of [ADMIT_METHOD, RENEW_METHOD, ...DEPARTURE_METHODS]) {
      this.#scope.use(
        transport.handle(method, (from, body, { signal }) => this.#answerAsManager(method, from, body, signal)),
      );
    }
  }

  async #answerAsManager(method: string, from: NodeId, body: unknown, signal: AbortSignal): Promise<unknown> {
    const manager = managerOf(this.host);
    const { clock, log } = this.#start;
    if (method === RENEW_METHOD) return renew(manager, from, body, { clock, signal });
    if (method !== ADMIT_METHOD) return departure(manager, { method, from, signal, clock });
    if (typeof body !== "object" || body === null || !("remoteAddress" in body) || !("request" in body)) {
      throw new ClusterError("invalid_argument", "admit: malformed request");
    }
    return admit(manager, body.request, { clock, log, signal, remoteAddress: String(body.remoteAddress) });
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
    this.#scope.run("store identity", () => this.#start.identities.writeIdentity(identity));
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
          ask: (body) => this.askManager(RENEW_METHOD, body, signal),
          clock,
          log,
        },
        signal,
      ),
    );
  }
}
