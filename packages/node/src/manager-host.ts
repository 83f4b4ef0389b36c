import { ClusterError, messageOf, MisdirectedError, sleep, type NodeId, type Scope } from "@murmur/base";
import { namedGossipKey } from "@murmur/identity";
import { Manager, wholeState, writeFirstSnapshot, type ManagerOptions, type PositionedState } from "@murmur/manager";
import type { ClusterNode } from "@murmur/model";
import { decodeMembership, membersOf } from "@murmur/raft";
import type { LogStorage } from "@murmur/storage";
import type { Generation } from "./generation.ts";
import { fencedPeers } from "./generation-fence.ts";
import type { Bootstrap, ManagerHostOptions } from "./manager-host-options.ts";
import { isListed, Retirement } from "./retirement.ts";

const CHECK_MS = 2_000;
/** Before the next call is heard, when this node could not become a manager. */
const RETRY_MS = 1_000;
/** How long a manager that comes back waits for the others to say whether the cluster has gone on without it. */
const MEET_MS = 1_000;

interface Running {
  readonly manager: Manager;
  readonly storage: LogStorage;
  readonly generation: number;
}

/**
 * This node's manager, while it has one. A node becomes a manager when the leader begins to replicate to it, and stops
 * being one when another manager says for certain that it is none, or when the cluster has begun a new generation without
 * it; its log is then wiped. Changes follow one another.
 */
export class ManagerHost {
  readonly #options: ManagerHostOptions;
  readonly #scope: Scope;
  #running: Running | undefined;
  #placeholder: Disposable | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** Changes under way and waiting. */
  #changes = 0;
  readonly #retirement: Retirement;

  constructor(options: ManagerHostOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    this.#retirement = new Retirement(options);
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
    const { self, generations } = this.#options;
    const { manager, generation } = this.#running ?? {};
    return manager !== undefined && generation === generations.number && isListed(manager, self) ? manager : undefined;
  }

  /**
   * The manager that answers requests: one that takes part, also in the eyes of the others. One that was taken out and
   * didn't hear of it knows no leader, for some seconds until it is closed; its node knows from its session that it is none.
   */
  answering(): Manager | undefined {
    const manager = this.serving();
    if (manager === undefined) return undefined;
    return manager.status().leader === undefined && this.#recordedRole() === "none" ? undefined : manager;
  }

  /** What this node was last told that it is; undefined when it was told nothing yet. */
  #recordedRole(): ClusterNode["raftRole"] | undefined {
    const { self, facts } = this.#options;
    const told = facts();
    return told && (told.nodes.find((node) => node.id === self)?.raftRole ?? "none");
  }

  /** Starts the manager if this node was one, or starts a new cluster; otherwise waits to be called. */
  async start(bootstrap?: Bootstrap): Promise<void> {
    await this.#inTurn(() => (bootstrap === undefined ? this.#resume() : this.#begin(bootstrap)));
    const { clock } = this.#options;
    const check = (): void => {
      this.#retireIfUnwanted();
      timer = clock.setTimer(CHECK_MS, check);
    };
    let timer = clock.setTimer(CHECK_MS, check);
    this.#scope.defer(() => timer.cancel());
  }

  /** The cluster has begun a new generation elsewhere: what this node's manager knew and promised counts no more. */
  supersede(): void {
    this.#scope.run("step over to the new generation", () =>
      this.#inTurn(async () => {
        const { generations, keepOnlyLog, log } = this.#options;
        if (this.#running !== undefined) log.warn("this node's manager belongs to the cluster's past and is closed");
        await this.#stop();
        await keepOnlyLog(generations.number);
        await this.#haveNone();
      }),
    );
  }

  /**
   * Begins a generation with this node as the only manager, from all that its log holds. The new log is written beside the
   * old one and counts from the moment at which the generation is stored: a crash leaves the one or the other. What fails
   * leaves the manager as it was.
   */
  async beginAnew(generation: Generation, signal: AbortSignal): Promise<void> {
    if (this.#scope.closed) throw noManager();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#scope.run("a new generation", () =>
      this.#inTurn(() => this.#moveTo(generation, signal)).then(resolve, (error: unknown) => reject(asError(error))),
    );
    await promise;
  }

  async #moveTo(generation: Generation, signal: AbortSignal): Promise<void> {
    const { generations, openLog, keepOnlyLog, clock, log } = this.#options;
    const before = generations.number;
    if (this.#running === undefined || generation.number <= before) throw noManager();
    await this.#stop();
    try {
      {
        await using old = await openLog(before);
        await this.#writeLog(generation.number, await wholeState(old, { clock, log, signal }), signal);
      }
      await generations.begin(generation);
    } catch (error) {
      await this.#orFatal(async () => {
        await keepOnlyLog(before);
        await this.#run(before, await openLog(before));
      });
      throw error;
    }
    await this.#orFatal(async () => {
      await this.#run(generation.number, await openLog(generation.number), { commands: [], prepared: true });
      await keepOnlyLog(generation.number);
    });
  }

  /** What fails here leaves this node without the manager that its disk has: all of it is built anew. */
  async #orFatal(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.onFatal(error);
      throw error;
    }
  }

  async #resume(): Promise<void> {
    const { generations, openLog, keepOnlyLog, self, others } = this.#options;
    const { number } = generations;
    await keepOnlyLog(number);
    const storage = await openLog(number);
    const { entries, snapshot } = storage.recovered;
    const wasManager = entries.length > 0 || snapshot !== undefined;
    if (wasManager) {
      // Old managers that come back together could lead each other: they ask first whether their time is over.
      const known = new Set([...membersIn(storage), ...others()]);
      known.delete(self);
      await generations.meetAll([...known], MEET_MS, this.#scope.signal);
    }
    if (wasManager && generations.number === number) return this.#run(number, storage);
    await storage[Symbol.asyncDispose]();
    await this.#haveNone();
  }

  async #begin({ commands, state }: Bootstrap): Promise<void> {
    const { openLog, generations } = this.#options;
    const { number } = generations;
    if (state !== undefined) await this.#writeLog(number, state, this.#scope.signal);
    await this.#run(number, await openLog(number), { commands, ...(state !== undefined && { prepared: true }) });
  }

  async #writeLog(generation: number, state: PositionedState, signal: AbortSignal): Promise<void> {
    const { self, openLog, clock } = this.#options;
    if (state.store.view.cluster() === undefined)
      throw new ClusterError("corrupt", "there is no cluster in what this node has; recover on another manager");
    await using storage = await openLog(generation);
    await writeFirstSnapshot(storage, state, { voter: self, clock, signal });
  }

  async #run(
    generation: number,
    storage: LogStorage,
    bootstrap?: NonNullable<ManagerOptions["bootstrap"]>,
  ): Promise<void> {
    const { self, transport, generations, liveness, clock, random, newId, log, onFatal } = this.#options;
    const { snapshotLimits, unseal, hasKeys, sealKeys } = this.#options;
    try {
      const manager = await Manager.start({
        self,
        storage,
        peers: fencedPeers(transport, generation, generations),
        liveness,
        clock,
        random,
        log,
        newId,
        newGossipKey: namedGossipKey,
        unseal,
        hasKeys,
        sealKeys,
        onFatal,
        ...(bootstrap === undefined ? {} : { bootstrap }),
        ...(snapshotLimits === undefined ? {} : { snapshotLimits }),
      });
      this.#running = { manager, storage, generation };
      this.#retirement.startOver();
      log.info("this node is a manager");
      this.#options.onManager(true);
    } catch (error) {
      await storage[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The leader's first message makes this node a manager; raft repeats what is lost in the meantime. */
  #awaitCall(): void {
    const { transport, generations } = this.#options;
    if (this.#scope.closed || this.#placeholder !== undefined) return;
    const peers = fencedPeers(transport, generations.number, generations);
    const placeholder = peers.onMessage("raft", () => {
      if (this.#placeholder !== placeholder || this.#scope.closed) return;
      this.#stopWaiting();
      this.#scope.run("become a manager", (signal) => this.#inTurn(() => this.#become(signal)));
    });
    this.#placeholder = placeholder;
  }

  #stopWaiting(): void {
    this.#placeholder?.[Symbol.dispose]();
    this.#placeholder = undefined;
  }

  async #become(signal: AbortSignal): Promise<void> {
    const { generations, openLog, clock, log } = this.#options;
    if (this.#running !== undefined) return;
    this.#stopWaiting();
    try {
      const { number } = generations;
      await this.#run(number, await openLog(number));
    } catch (error) {
      log.error("this node could not become a manager; trying again", { error: messageOf(error) });
      await sleep(clock, RETRY_MS, signal);
      this.#awaitCall();
    }
  }

  #retireIfUnwanted(): void {
    const running = this.#running;
    if (running === undefined || this.#changes > 0 || this.#scope.closed) return;
    if (!this.#retirement.isDue(running.manager, this.#recordedRole() ?? "none")) return;
    this.#scope.run("stop being a manager", (signal) =>
      this.#inTurn(async () => {
        if (await this.#retirement.isSure(running.manager, signal)) await this.#retire(running);
      }),
    );
  }

  async #retire(running: Running): Promise<void> {
    if (this.#running !== running) return;
    const { manager, storage } = running;
    this.#running = undefined;
    try {
      await manager[Symbol.asyncDispose]();
      await storage.reset();
    } finally {
      await storage[Symbol.asyncDispose]();
    }
    this.#options.log.info("this node is no manager any more");
    await this.#haveNone();
  }

  /** This node has no manager, and no log of one: what it kept as a manager it gives up. The leader may call it. */
  async #haveNone(): Promise<void> {
    await this.#options.onWiped();
    this.#options.onManager(false);
    this.#awaitCall();
  }

  async #stop(): Promise<void> {
    this.#stopWaiting();
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    await running.manager[Symbol.asyncDispose]();
    await running.storage[Symbol.asyncDispose]();
  }

  async #inTurn(change: () => Promise<void>): Promise<void> {
    this.#changes += 1;
    const done = this.#turn.then(change).finally(() => (this.#changes -= 1));
    this.#turn = done.catch(() => {});
    await done;
  }
}

/** All managers, as the newest membership in a log has them. */
function membersIn({ recovered }: LogStorage): readonly NodeId[] {
  const entry = recovered.entries.findLast(({ kind }) => kind === "membership");
  const bytes = entry?.data ?? recovered.snapshot?.membership;
  return bytes === undefined ? [] : membersOf(decodeMembership(bytes));
}

/** The node's own manager, or a clear refusal. */
export function managerOf(host: ManagerHost): Manager {
  const manager = host.serving();
  if (manager === undefined) throw noManager();
  return manager;
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(messageOf(error)));

/** What a node that is no manager, or none any more, answers to a request for the cluster's routes. */
export const noManager = (): ClusterError => new MisdirectedError("this node is no manager; ask another one");
