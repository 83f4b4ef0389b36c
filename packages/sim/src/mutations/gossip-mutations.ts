import type { Mutation } from "./mutation.ts";

const GOSSIP = "packages/gossip/src";

/** Who is believed to live. */
export const GOSSIP_MUTATIONS: readonly Mutation[] = [
  {
    name: "suspicion-not-refuted",
    defect: "a node answers only accusations of a later incarnation than its own, which nobody makes",
    changes: [
      {
        file: `${GOSSIP}/self.ts`,
        original: "claim.incarnation < this.#incarnation || claim.incarnation >= COUNTER_MAX) return false;",
        mutant: "claim.incarnation <= this.#incarnation || claim.incarnation >= COUNTER_MAX) return false;",
      },
    ],
    profile: "network",
    nodes: 5,
  },
  {
    name: "incarnation-goes-back",
    defect: "whatever was heard last about a member counts, however old it is",
    changes: [
      {
        file: `${GOSSIP}/member.ts`,
        original:
          "  if (left.incarnation !== right.incarnation) return left.incarnation > right.incarnation ? left : right;\n  return MEMBER_STATES",
        mutant: "  if (left.incarnation !== right.incarnation) return right;\n  return MEMBER_STATES",
      },
    ],
    profile: "network",
    nodes: 5,
  },
  {
    name: "dead-member-revived-by-an-old-message",
    defect: "what a dead member said before its death counts as a sign of life",
    changes: [
      {
        file: `${GOSSIP}/member.ts`,
        original: "  return MEMBER_STATES.indexOf(right.state) > MEMBER_STATES.indexOf(left.state) ? right : left;",
        mutant:
          '  if (right.state === "alive") return right;\n' +
          "  return MEMBER_STATES.indexOf(right.state) > MEMBER_STATES.indexOf(left.state) ? right : left;",
      },
    ],
    profile: "process",
    nodes: 5,
  },
];
