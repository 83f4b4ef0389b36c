import { ClusterError, type Scope } from "@murmur/base";
import { Agent, GossipDriver } from "@murmur/agent";
import { GossipKeyRing, verifyPeer } from "@murmur/identity";
import { clusterId } from "@murmur/model";
import { parseAddress, type PeerTransport } from "@murmur/transport";
import { AddressBook } from "./address-book.ts";
import { AgentSessions } from "./agent-sessions.ts";
import { GossipFacts } from "./gossip-facts.ts";
import { openClusterDatagrams, reliableChannel, verdictOn } from "./gossip-wires.ts";
import { ManagerHost } from "./manager-host.ts";
import type { Callbacks, Member, MemberStart } from "./member.ts";
import { MURMUR_VERSION } from "./version.ts";
import { withdrawals } from "./withdrawals.ts";

/** What connects a member to the others. */
export interface Lines {
  readonly book: AddressBook;
  readonly ring: GossipKeyRing;
  readonly transport: PeerTransport;
  readonly gossip: GossipDriver;
  readonly facts: GossipFacts;
}

/** The member that is being built, once it is: until then its parts make do with what it starts from. */
type Late = () => Member | undefined;

/** Opens the connections to the other nodes. Gossip isn't started yet. */
export async function openLines(start: MemberStart, scope: Scope, member: Late): Promise<Lines> {
  const { identity, membership, wires, clock, random, log } = start;
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
        return verifyPeer(certificate.raw, { caPem, clusterId: cluster, now: clock.now() });
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
    self: { id: identity.nodeId, address: membership.address, meta: new Uint8Array() },
    datagrams,
    reliable: reliableChannel(transport, (address) => member()?.idAt(address) ?? book.idAt(address)),
    clock,
    random,
    log,
  });
  scope.defer(() => gossip.stop());
  const facts = new GossipFacts(clock, (avoided) => member()?.plane.avoid(avoided));
  return { book, ring, transport, gossip, facts };
}

/** The place for this node's manager. */
export function newHost(
  start: MemberStart & Callbacks,
  scope: Scope,
  { lines, member }: { readonly lines: Lines; readonly member: Late },
): ManagerHost {
  const { identity, wires, clock, random, newId, log, onFatal } = start;
  const { transport, gossip } = lines;
  const built = (): Member => {
    const present = member();
    if (present === undefined) throw new ClusterError("unavailable", "this node is still starting");
    return present;
  };
  return new ManagerHost(
    {
      self: identity.nodeId,
      openLog: () => wires.openLog(),
      newId,
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

/** The agent, with sessions to the node's own manager or to any other. */
export function newAgent(start: MemberStart, lines: Lines, host: ManagerHost): Agent {
  const { identity, membership, hostname, runtime, records, clock, random, log } = start;
  const { book, transport, gossip, facts } = lines;
  const self = identity.nodeId;
  const managers = (): ReturnType<AddressBook["managers"]> => book.managers();
  return new Agent({
    node: {
      nodeId: self,
      clusterId: clusterId(identity.clusterId),
      dataAddress: parseAddress(membership.address).host,
      dataPlane: "ports",
    },
    ...(hostname === undefined ? {} : { hostname }),
    murmurVersion: MURMUR_VERSION,
    address: membership.address,
    runtime,
    sessions: new AgentSessions({ self, transport, managers, local: () => host.serving(), random, log }),
    withdrawals: withdrawals({ self, facts, gossip, transport }),
    store: records,
    clock,
    random,
    log,
  });
}
