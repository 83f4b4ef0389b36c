import { messageOf, type NodeId } from "@murmur/base";
import type { Manager, ManagerStatus } from "@murmur/manager";
import type { ClusterNode } from "@murmur/model";
import type { ManagerHostOptions } from "./manager-host-options.ts";

/** What is asked of a manager here. */
type Standing = Pick<Manager, "status" | "membership">;

/** Looks in a row that must agree before a manager that was taken out of the membership is closed. */
const LOOKS_TO_RETIRE = 3;

/**
 * Whether this node's manager has been taken out, and is to be closed. One that was may never have heard of it: then it
 * knows no leader either.
 */
export class Retirement {
  readonly #options: Pick<ManagerHostOptions, "self" | "isManager" | "log">;
  /** Looks in a row that found a manager which the record has not. */
  #disagreements = 0;

  constructor(options: Pick<ManagerHostOptions, "self" | "isManager" | "log">) {
    this.#options = options;
  }

  /** It is another manager from now on. */
  startOver(): void {
    this.#disagreements = 0;
  }

  /** Looks once more. `recorded` is what the node was last told that it is. Returns whether others are to be asked. */
  isDue(manager: Standing, recorded: ClusterNode["raftRole"]): boolean {
    const { leader, membership } = manager.status();
    const knowsIt = membership.voters.length > 0 && !isListed(manager, this.#options.self);
    this.#disagreements = recorded === "none" && (knowsIt || leader === undefined) ? this.#disagreements + 1 : 0;
    return this.#disagreements >= LOOKS_TO_RETIRE;
  }

  /**
   * What is wiped cannot be had again, so another manager must say it for certain. Its answer is about the moment at which
   * it was given: a leader that has taken this node in again meanwhile may count on what was acknowledged to it since.
   */
  async isSure(manager: Standing, signal: AbortSignal): Promise<boolean> {
    this.#disagreements = 0;
    try {
      const before = manager.status();
      return !(await this.#options.isManager(signal)) && isUnmoved(before, manager.status());
    } catch (error) {
      this.#options.log.debug("no manager says whether this node is one", { error: messageOf(error) });
      return false;
    }
  }
}

/** Whether a manager's own membership has it, in whichever part. */
export function isListed(manager: Standing, self: NodeId): boolean {
  const { voters, votersOutgoing, learners, learnersNext } = manager.membership;
  return [voters, votersOutgoing, learners, learnersNext].some((list) => list.includes(self));
}

/** Whether a manager has heard nothing of a leader in between: whoever is taken in gets the entry that says so. */
const isUnmoved = (before: ManagerStatus, after: ManagerStatus): boolean =>
  before.term === after.term &&
  before.leader === after.leader &&
  before.lastIndex === after.lastIndex &&
  before.lastTerm === after.lastTerm;
