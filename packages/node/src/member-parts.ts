import { ClusterError, type Clock, type NodeId, type Scope } from "@murmur/base";
import { Agent, GossipDriver } from "@murmur/agent";
import { GossipKeyRing, verifyPeer, type NodeIdentity } from "@murmur/identity";
import { clusterId, type NodeCertificate } from "@murmur/model";
import type { DataPlane } from "@murmur/network";
import { parseAddress, PROTOCOL, type PeerTransport } from "@murmur/transport";
import { AddressBook } from "./address-book.ts";
import { watchRivals } from "./address-rivals.ts";
import { AgentSessions } from "./agent-sessions.ts";
import { FIRST_GENERATION } from "./generation.ts";
import { GenerationKeeper } from "./generation-keeper.ts";
import { GossipFacts } from "./gossip-facts.ts";
import { openClusterDatagrams, reliableChannel, verdictOn } from "./gossip-wires.ts";
import { GuestDesk } from "./guest-desk.ts";
import { LockKeeper } from "./lock-keeper.ts";
import { ManagerHost } from "./manager-host.ts";
import type { Callbacks, Member, MemberStart } from "./member.ts";
import type { MemberOverlay } from "./member-wires.ts";
import { PeerRecords, type PeerRecordsOptions } from "./peer-records.ts";
import { SealDesk } from "./seal-desk.ts";
import { Seeds } from "./seeds.ts";
import { decodeDescription, encodeDescription, keepDescribed, type SelfDescription } from "./self-description.ts";
import { MURMUR_VERSION } from "./version.ts";
import { withdrawals } from "./withdrawals.ts";

/** What connects a member to the others. */
export interface Lines {
  readonly book: AddressBook;
  readonly ring: GossipKeyRing;
  readonly transport: PeerTransport;
  readonly gossip: GossipDriver;
  readonly facts: GossipFacts;
  readonly generations: GenerationKeeper;
}

/** The member that is being built, once it is: until then its parts make do with what it starts from. */
type Late = () => Member | undefined;

/** What a node says of itself before it knows whether it has a manager. */
const descriptionAtStart = ({ generation }: MemberStart): SelfDescription => ({
  generation: generation?.number ?? FIRST_GENERATION,
  manager: false,
});

/** Opens the connections to the other nodes. Gossip isn't started yet. */
export async function openLines(start: MemberStart, scope: Scope, member: Late): Promise<Lines> {
  const { identity, membership, generation, wires, clock, random, log } = start;
  const aliveAt: ConstructorParameters<typeof AddressBook>[0] = (id) => {
    const known = member()?.gossip.member(id);
    return known?.state === "alive" ? known.address : undefined;
  };
  const book = new AddressBook(aliveAt, membership.peers);
  const transport = scope.use(
    await wires.openTransport({
      identity: () => member()?.identity ?? identity,
      verifyPeer: (certificate) => {
        const { caPem, clusterId: cluster } = member()?.identity ?? identity;
        return verifyPeer(certificate, { caPem, clusterId: cluster, now: clock.now() });
      },
      addressOf: (id) => book.addressOf(id),
    }),
  );
  const ring = new GossipKeyRing(identity.gossipKeys);
  const datagrams = scope.use(
    await openClusterDatagrams({
      ring: () => member()?.ring ?? ring,
      open: (handlers) => wires.openDatagrams(handlers),
    }),
  );
  const gossip = new GossipDriver({
    self: {
      id: identity.nodeId,
      address: membership.address,
      meta: encodeDescription(descriptionAtStart(start)),
    },
    datagrams,
    reliable: reliableChannel(transport, (address) => member()?.idAt(address) ?? book.idAt(address)),
    clock,
    random,
    log,
  });
  scope.defer(() => gossip.stop());
  watchRivals({ self: { id: identity.nodeId, address: membership.address }, gossip, clock, log }, scope);
  const facts = new GossipFacts(clock, (avoided) => member()?.plane.avoid(avoided));
  const generations = new GenerationKeeper({
    stored: generation,
    cluster: () => member()?.identity ?? identity,
    store: (begun) => start.identities.writeGeneration(begun),
    transport,
    neighbours: () => neighboursOf(gossip, identity.nodeId),
    clock,
    log,
  });
  if (generation !== undefined) book.startFrom(generation.manager);
  return { book, ring, transport, gossip, facts, generations };
}

/** What seals and opens secrets here. */
export function newSeals(
  { identity, clock, log }: MemberStart,
  scope: Scope,
  { lines, member }: { readonly lines: Lines; readonly member: Late },
): SealDesk {
  const { transport, book } = lines;
  return new SealDesk(
    {
      self: identity.nodeId,
      clusterId: identity.clusterId,
      record: () => member()?.host.serving()?.view.cluster()?.sealKey,
      confirmed: async (signal) => (await member()?.host.serving()?.read(signal))?.cluster()?.sealKey,
      keys: () => (member()?.identity ?? identity).sealKeys,
      keep: async (keys) => member()?.keepSealKeys(keys),
      onKeys: () => member()?.host.manager()?.keysChanged(),
      transport,
      managers: () => book.managers().filter((id) => id !== identity.nodeId),
      clock,
      log,
    },
    scope,
  );
}

/** What keeps this node's disk sealed while it is a manager. */
export function newLocks(
  { identity, identities, clock, log }: MemberStart,
  { seals, member }: { readonly seals: SealDesk; readonly member: Late },
): LockKeeper {
  return new LockKeeper({
    disk: () => (member()?.identity ?? identity).disk,
    lock: () => identities.lock,
    keep: async (lock, disk) => member()?.keepLock(lock, disk),
    manager: () => member()?.host.serving(),
    open: (sealed) => seals.open(sealed),
    clock,
    log,
  });
}

/** The place for this node's manager. */
export function newHost(
  start: MemberStart & Callbacks,
  scope: Scope,
  {
    lines,
    seals,
    locks,
    member,
  }: { readonly lines: Lines; readonly seals: SealDesk; readonly locks: LockKeeper; readonly member: Late },
): ManagerHost {
  const { identity, wires, clock, random, newId, log, onFatal } = start;
  const { transport, gossip, book, generations } = lines;
  const self = identity.nodeId;
  const built = (): Member => {
    const present = member();
    if (present === undefined) throw new ClusterError("unavailable", "this node is still starting");
    return present;
  };
  return new ManagerHost(
    {
      self,
      openLog: async (generation) => {
        const storage = await wires.openLog(generation);
        try {
          const log = locks.seal(storage);
          return wires.tapLog?.(log, generation) ?? log;
        } catch (error) {
          await storage[Symbol.asyncDispose]();
          throw error;
        }
      },
      keepOnlyLog: async (generation) => wires.keepOnlyLog?.(generation),
      snapshotLimits: wires.snapshotLimits,
      generations,
      others: () => book.managers(),
      newId,
      unseal: (secret) => seals.open(secret),
      hasKeys: (id, signal) => seals.hasAll(id, signal),
      sealKeys: {
        has: (id, digest, signal) => seals.hasKey(id, digest, signal),
        sealAnew: (sealed) => seals.sealAnew(sealed),
      },
      onWiped: () => locks.release(),
      onManager: (isOne) => (isOne ? seals.begin() : seals.forget()),
      transport,
      liveness: { verdict: (id) => verdictOn(gossip, id) },
      facts: () => member()?.agent.facts(),
      isManager: async (signal) => (await built().look(signal)).manager,
      clock,
      random,
      log,
      onFatal,
    },
    scope,
  );
}

/** Tells the others by gossip what this node is. Returns what makes it look at once whether that has changed. */
export function describeSelf(
  start: MemberStart,
  scope: Scope,
  { lines, host }: { readonly lines: Lines; readonly host: ManagerHost },
): () => void {
  const { gossip, generations } = lines;
  const options = {
    told: descriptionAtStart(start),
    present: () => ({ generation: generations.number, manager: host.serving() !== undefined }),
    tell: (meta: Uint8Array) => gossip.setMeta(meta),
    clock: start.clock,
  };
  return keepDescribed(options, scope);
}

/** What keeps the others' addresses on the disk. */
export function newRecords(
  { membership, identities, clock, log }: MemberStart,
  scope: Scope,
  book: AddressBook,
): PeerRecords {
  const write: PeerRecordsOptions["write"] = (peers) => identities.writeMembership({ ...membership, peers });
  return new PeerRecords({ book, stored: membership.peers, write, clock, log }, scope);
}

/** What finds the cluster at the addresses that the user has named. */
export function newSeeds(start: MemberStart, { book, gossip }: Lines, identity: () => NodeIdentity): Seeds {
  const { clock, log } = start;
  const { addresses, call } = start.seeds ?? { addresses: [], call: () => () => Promise.reject(new Error("nobody")) };
  const self = start.identity.nodeId;
  return new Seeds({ self, caPem: () => identity().caPem, addresses, call, book, gossip, clock, log });
}

/** The agent's ways to a manager. */
export function newSessions({ identity, random, log }: MemberStart, lines: Lines, host: ManagerHost): AgentSessions {
  const { book, transport, generations } = lines;
  return new AgentSessions({
    self: identity.nodeId,
    transport,
    managers: () => book.managers(),
    local: () => host.serving(),
    generation: () => generations.number,
    random,
    log,
  });
}

/** Live nodes, with the generation that each tells by gossip. */
const neighboursOf = (gossip: GossipDriver, self: NodeId): { readonly id: NodeId; readonly generation: number }[] =>
  gossip.members().flatMap(({ id, state, meta }) => {
    return id === self || state !== "alive" ? [] : [{ id, generation: decodeDescription(meta).generation }];
  });

/** The overlay of a member of such a cluster; undefined in any other. */
export async function openOverlay({ membership, wires }: MemberStart): Promise<MemberOverlay | undefined> {
  if (membership.dataPlane !== "overlay") return undefined;
  if (wires.openOverlay !== undefined) return wires.openOverlay();
  throw new ClusterError("unsupported", "this node can't be in a cluster of the overlay data plane");
}

/** What this node and the others tell each other of containers that aren't tasks'; undefined where there are none. */
export function openGuests(
  { plane, guests }: MemberOverlay,
  { transport, gossip }: Lines,
  { self, clock, scope }: { readonly self: NodeId; readonly clock: Clock; readonly scope: Scope },
): GuestDesk | undefined {
  if (guests === undefined) return undefined;
  const desk = new GuestDesk({ self, transport, gossip, onGuests: (all) => plane.meet(all), clock }, scope);
  scope.run("guests of the engine", (signal) => guests((own) => desk.set(own), signal));
  return desk;
}

/** The agent, with sessions to the node's own manager or to any other. */
export function newAgent(
  start: MemberStart,
  lines: Lines,
  {
    sessions,
    overlay,
    plane,
    certificate,
  }: {
    readonly sessions: AgentSessions;
    readonly overlay: MemberOverlay | undefined;
    readonly plane: DataPlane;
    readonly certificate: () => NodeCertificate;
  },
): Agent {
  const { identity, membership, wires, hostname, runtime, records, clock, random, log } = start;
  const { transport, gossip, facts, book } = lines;
  const self = identity.nodeId;
  return new Agent({
    node: {
      nodeId: self,
      clusterId: clusterId(identity.clusterId),
      dataAddress: parseAddress(membership.address).host,
      dataPlane: membership.dataPlane ?? "ports",
      ...(wires.permits && { permits: wires.permits }),
    },
    ...(hostname === undefined ? {} : { hostname }),
    ...(wires.generic && { generic: wires.generic }),
    ...(wires.openFiles && { files: wires.openFiles() }),
    certificate: () => certificate(),
    ...(overlay !== undefined && { networks: overlay.networks, subnets: () => overlay.plane.subnets() }),
    murmurVersion: MURMUR_VERSION,
    protocol: wires.protocol ?? PROTOCOL,
    address: membership.address,
    verdict: (id) => verdictOn(gossip, id),
    runtime,
    sessions,
    withdrawals: withdrawals({ self, facts, gossip, transport, book, settled: () => plane.settled() }),
    store: records,
    clock,
    random,
    log,
  });
}
