import { nodeId, silentLog, type NodeId } from "@murmur/base";
import type { Manager } from "@murmur/manager";
import { beforeEach, describe, expect, it } from "vitest";
import { Retirement } from "./retirement.ts";

const [SELF, OTHER] = [nodeId("self"), nodeId("other")];
const { signal } = new AbortController();

/** A manager, and what other managers say of it. */
class Facts {
  voters: readonly NodeId[] = [SELF, OTHER];
  leader: NodeId | undefined = OTHER;
  lastIndex = 7;
  /** Whether another manager says that this node is one. */
  says: () => Promise<boolean> = () => Promise.resolve(false);

  get manager(): Pick<Manager, "status" | "membership"> {
    const membership = { voters: this.voters, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
    const { leader, lastIndex } = this;
    const status = {
      role: "follower",
      term: 3,
      leader,
      membership,
      commit: 7,
      applied: 7,
      lastIndex,
      lastTerm: 3,
    } as const;
    const rest = { recovering: false, peers: [], sessions: 0, waiting: 0 };
    return { membership, status: () => ({ ...status, lastIndex: this.lastIndex, ...rest }) };
  }
}

let facts: Facts;
let retirement: Retirement;

beforeEach(() => {
  facts = new Facts();
  retirement = new Retirement({ self: SELF, isManager: () => facts.says(), log: silentLog });
});

const looks = (count: number, recorded: "none" | "voter" = "none"): boolean =>
  Array.from({ length: count }, () => retirement.isDue(facts.manager, recorded)).at(-1) === true;

describe("a manager's retirement", () => {
  it("is due when three looks in a row find that neither its own membership nor the record has it", () => {
    facts.voters = [OTHER];
    expect(looks(2)).toBe(false);
    expect(looks(1, "voter")).toBe(false);
    expect(looks(2)).toBe(false);
    retirement.startOver();
    expect(looks(2)).toBe(false);
    expect(looks(1)).toBe(true);
  });

  it("is due when it isn't in the record and knows no leader: it may never have heard that it is out", () => {
    expect(looks(9)).toBe(false);
    facts.leader = undefined;
    expect(looks(3)).toBe(true);
  });

  it("is not due while it knows no membership yet, and a leader", () => {
    facts.voters = [];
    expect(looks(9)).toBe(false);
  });

  it("is sure when another manager says so, and is asked for anew after three more looks", async () => {
    facts.voters = [OTHER];
    expect(looks(3)).toBe(true);
    expect(await retirement.isSure(facts.manager, signal)).toBe(true);
    expect(looks(2)).toBe(false);
  });

  it.each<[string, () => Promise<boolean>]>([
    ["says that it is one", () => Promise.resolve(true)],
    ["can't be asked", () => Promise.reject(new Error("nobody answers"))],
    [
      "answers late: it has heard of a leader since",
      () => {
        facts.lastIndex += 1;
        return Promise.resolve(false);
      },
    ],
  ])("is not sure when another manager %s", async (_what, says) => {
    facts.says = says;
    expect(await retirement.isSure(facts.manager, signal)).toBe(false);
  });
});
