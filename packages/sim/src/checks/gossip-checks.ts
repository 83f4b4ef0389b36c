import type { NodeId } from "@murmur/base";
import { MEMBER_STATES, type MemberState } from "@murmur/gossip";
import type { Observer } from "../world/observer.ts";
import type { Judge, Named } from "./violation.ts";

interface Seen {
  readonly id: NodeId;
  readonly state: MemberState;
  readonly incarnation: number;
}

interface Gossip {
  members(): readonly Seen[];
}

interface Followed {
  steps: number;
  /** As they were shown at the last look. */
  believed: readonly Seen[];
}

/** What these checks look at on a host. */
export interface GossipHost extends Named {
  readonly member: { readonly identity: { readonly nodeId: NodeId }; readonly gossip: Gossip } | undefined;
}

/** A host is looked at once in so many steps. */
const STEPS_BETWEEN_LOOKS = 8;

/** What a node believes of another only goes forward: to a later incarnation, or to a later state of the same one. */
export class GossipChecks implements Observer {
  readonly #judge: Judge;
  readonly #followed = new WeakMap<Gossip, Followed>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  stepped(host: GossipHost): void {
    const gossip = host.member?.gossip;
    if (gossip === undefined) return;
    let followed = this.#followed.get(gossip);
    if (followed === undefined) this.#followed.set(gossip, (followed = { steps: 0, believed: [] }));
    followed.steps += 1;
    if (followed.steps % STEPS_BETWEEN_LOOKS !== 0) return;
    const before = followed.believed;
    const now = gossip.members();
    if (now === before) return;
    for (let at = 0; at < now.length; at += 1) {
      const seen = now[at];
      // Most are where they were in the list.
      const there = before[at];
      if (seen !== undefined && there !== seen)
        this.#compare(host, there?.id === seen.id ? there : before.find(({ id }) => id === seen.id), seen);
    }
    followed.believed = now;
  }

  #compare(host: GossipHost, before: Seen | undefined, now: Seen): void {
    if (before === undefined || now.incarnation > before.incarnation) return;
    const fact = `it takes ${shown(now)}`;
    const contradicted = `it took ${shown(before)}`;
    if (now.incarnation < before.incarnation)
      this.#judge.refuse("a member's incarnation never goes back", host, fact, contradicted);
    if (MEMBER_STATES.indexOf(now.state) < MEMBER_STATES.indexOf(before.state))
      this.#judge.refuse("only a new incarnation refutes what is said of a member", host, fact, contradicted);
  }
}

const shown = ({ id, state, incarnation }: Seen): string => `${id} for ${state} in incarnation ${String(incarnation)}`;

/** Every node takes every other one for alive. */
export function unmetGossip(hosts: readonly GossipHost[]): string[] {
  const present = new Set(hosts.flatMap(({ member }) => member?.identity.nodeId ?? []));
  return hosts.flatMap(({ name, member }) => {
    const members = member?.gossip.members() ?? [];
    const wrong = members.filter(({ id, state }) => present.has(id) && state !== "alive");
    return wrong.map((other) => `${name} takes ${shown(other)}`);
  });
}
