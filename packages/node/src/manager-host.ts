import {
  ClusterError,
  messageOf,
  sleep,
  type Clock,
  type Log,
  type NodeId,
  type Random,
  type Scope,
} from "@murmur/base";
import { Manager, type Liveness } from "@murmur/manager";
import type { ClusterFacts, Command } from "@murmur/model";
import type { LogStorage } from "@murmur/storage";
import type { PeerTransport } from "@murmur/transport";

const CHECK_MS = 2_000;
/** Checks in a row that must agree before a manager that was taken out of the membership is closed. */
const CHECKS_TO_RETIRE = 3;
/** Before the next call is heard, when this node could not become a manager. */
const RETRY_MS = 1_000;

export interface ManagerHostOptions {
  readonly self: NodeId;
  readonly openLog: () => Promise<LogStorage>;
  readonly newId: () => string;
  readonly transport: PeerTransport;
  readonly liveness: Liveness;
  readonly facts: () => ClusterFacts | undefined;
  /** Asks the other managers whether this node is one. */
  readonly isManager: (signal: AbortSignal) => Promise<boolean>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onFatal: (error: unknown) => void;
}

interface Running {
  readonly manager: Manager;
  readonly storage: LogStorage;
}

/**
 * This node's manager, while it has one. A node becomes a manager when the leader begins to replicate to it, and stops
 * being one when another manager says for certain that it is none; its log is then wiped.
 */
export class ManagerHost {
  readonly #options: ManagerHostOptions;
  readonly #scope: Scope;
  #running: Running | undefined;
  #placeholder: Disposable | undefined;
  #changing = false;
  #disagreements = 0;

  constructor(options: ManagerHostOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    scope.defer(() => this.#stop());
  }

  manager(): Manager | undefined {
    return this.#running?.manager;
  }

  /**
   * The manager while it takes part, as far as it knows itself: not one that was just called and has nothing yet, nor one
   * that was taken out and is about to be closed. What those can't answer others can.
   */
  serving(): Manager | undefined {
    const manager = this.manager();
    return manager !== undefined && isListed(manager, this.#options.self) ? manager : undefined;
  }

  /** Starts the manager if this node was one, or starts a new cluster; otherwise waits to be called. */
  async start(bootstrap?: { readonly commands: readonly Command[] }): Promise<void> {
    const storage = await this.#options.openLog();
    const { entries, snapshot } = storage.recovered;
    if (bootstrap === undefined && entries.length === 0 && snapshot === undefined) {
      await storage[Symbol.asyncDispose]();
      this.#awaitCall();
    } else await this.#run(storage, bootstrap);
    const { clock } = this.#options;
    const check = (): void => {
      this.#retireIfUnwanted();
      timer = clock.setTimer(CHECK_MS, check);
    };
    let timer = clock.setTimer(CHECK_MS, check);
    this.#scope.defer(() => timer.cancel());
  }

  async #run(storage: LogStorage, bootstrap: { readonly commands: readonly Command[] } | undefined): Promise<void> {
    const { self, transport, liveness, clock, random, newId, log, onFatal } = this.#options;
    try {
      const manager = await Manager.start({
        self,
        storage,
        peers: transport,
        liveness,
        clock,
        random,
        log,
        newId,
        onFatal,
        ...(bootstrap === undefined ? {} : { bootstrap }),
      });
      this.#running = { manager, storage };
      this.#disagreements = 0;
      log.info("this node is a manager");
    } catch (error) {
      await storage[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The leader's first message makes this node a manager; raft repeats what is lost in the meantime. */
  #awaitCall(): void {
    const { transport, clock, log } = this.#options;
    if (this.#scope.closed) return;
    this.#placeholder = transport.onMessage("raft", () => {
      if (this.#changing || this.#scope.closed) return;
      this.#changing = true;
      this.#placeholder?.[Symbol.dispose]();
      this.#placeholder = undefined;
      this.#scope.run("become a manager", async (signal) => {
        try {
          await this.#run(await this.#options.openLog(), undefined);
        } catch (error) {
          log.error("this node could not become a manager; trying again", { error: messageOf(error) });
          await sleep(clock, RETRY_MS, signal);
          this.#awaitCall();
        } finally {
          this.#changing = false;
        }
      });
    });
  }

  /** A manager that was taken out may never have heard of it: then it knows no leader either. */
  #retireIfUnwanted(): void {
    const { self, facts } = this.#options;
    const running = this.#running;
    if (running === undefined || this.#changing || this.#scope.closed) return;
    const recorded = facts()?.nodes.find((node) => node.id === self)?.raftRole ?? "none";
    const { leader, membership } = running.manager.status();
    const knowsIt = membership.voters.length > 0 && !isListed(running.manager, self);
    this.#disagreements = recorded === "none" && (knowsIt || leader === undefined) ? this.#disagreements + 1 : 0;
    if (this.#disagreements < CHECKS_TO_RETIRE) return;
    this.#changing = true;
    this.#scope.run("stop being a manager", async (signal) => {
      try {
        if (await this.#isUnwanted(signal)) await this.#retire(running);
      } finally {
        this.#changing = false;
      }
    });
  }

  /** What is wiped cannot be had again, so another manager must say it for certain. */
  async #isUnwanted(signal: AbortSignal): Promise<boolean> {
    this.#disagreements = 0;
    try {
      return !(await this.#options.isManager(signal));
    } catch (error) {
      this.#options.log.debug("no manager says whether this node is one", { error: messageOf(error) });
      return false;
    }
  }

  async #retire({ manager, storage }: Running): Promise<void> {
    this.#running = undefined;
    try {
      await manager[Symbol.asyncDispose]();
      await storage.reset();
    } finally {
      await storage[Symbol.asyncDispose]();
    }
    this.#options.log.info("this node is no manager any more");
    this.#awaitCall();
  }

  async #stop(): Promise<void> {
    this.#placeholder?.[Symbol.dispose]();
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    await running.manager[Symbol.asyncDispose]();
    await running.storage[Symbol.asyncDispose]();
  }
}

/** Whether a manager's own membership has it, in whichever part. */
function isListed(manager: Manager, self: NodeId): boolean {
  const { voters, votersOutgoing, learners, learnersNext } = manager.status().membership;
  return [...voters, ...votersOutgoing, ...learners, ...learnersNext].includes(self);
}

/** The node's own manager, or a clear refusal. */
export function managerOf(host: ManagerHost): Manager {
  const manager = host.serving();
  if (manager === undefined) throw new ClusterError("unavailable", "this node is no manager; ask another one");
  return manager;
}
