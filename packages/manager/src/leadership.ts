import { Scope, type NodeId } from "@murmur/base";
import type { Command } from "@murmur/model";
import type { ApplyResult } from "@murmur/store";
import { ControlLoop } from "./control-loop.ts";
import { GossipKeyKeeper } from "./gossip-key-keeper.ts";
import { LivenessWatch } from "./liveness-watch.ts";
import type { ManagerContext } from "./manager-context.ts";
import { RotationKeeper } from "./rotation-keeper.ts";
import { SealKeyKeeper } from "./seal-key-keeper.ts";
import { SessionWatch } from "./session-watch.ts";
import { VoterKeeper } from "./voter-keeper.ts";

/**
 * Everything that only a leader runs, as one scope that ends with its term. It begins when the replica has applied
 * everything of the terms before, so nothing is decided on an old state.
 */
async function lead(context: ManagerContext, scope: Scope): Promise<void> {
  const { driver, replica, clock, log, dispatcher, peers, liveness, self, raft, newId } = context;
  await driver.barrier(scope.signal);
  if (scope.closed) return;
  log.info("leading", { term: raft.status().term });
  const view = (): typeof replica.store.view => replica.store.view;
  const submit = (commands: readonly Command[]): Promise<readonly ApplyResult[]> =>
    context.submitInternal(commands, scope.signal);
  const managers = (): readonly NodeId[] => driver.members();
  const hears = (id: NodeId): boolean => driver.hears(id);
  const hasSession = (id: NodeId): boolean => dispatcher.has(id);
  new LivenessWatch({ self, view, liveness, peers, managers, hasSession, hears, submit, clock, log }).start(scope);
  const sessions = (): readonly NodeId[] => dispatcher.nodes();
  new SessionWatch({ self, view, peers, managers, sessions, submit, clock, log }).start(scope);
  new VoterKeeper({ self, raft, view, hasKeys: context.hasKeys, pump: () => driver.pump(), submit, clock, log }).start(
    scope,
  );
  new RotationKeeper({ view, submit, clock, log }).start(scope);
  new GossipKeyKeeper({ view, submit, newKey: context.newGossipKey, clock, log }).start(scope);
  const { sealKeys: keys } = context;
  if (keys !== undefined) new SealKeyKeeper({ view, submit, managers, keys, clock, log }).start(scope);
  new ControlLoop({ store: replica.store, submit, newId, clock, log }).start(scope);
}

/** Starts and ends leaderships as raft says; at most one at a time, each ended wholly before the next begins. */
export class LeadershipKeeper {
  readonly #context: ManagerContext;
  readonly #scope: Scope;
  #current: { readonly term: number; readonly scope: Scope } | undefined;
  #changing = false;
  #again = false;

  constructor(context: ManagerContext, scope: Scope) {
    this.#context = context;
    this.#scope = scope;
    scope.defer(() => this.#end());
  }

  /** To be called whenever raft's role or term may have changed. */
  changed(): void {
    if (this.#changing) {
      this.#again = true;
      return;
    }
    this.#changing = true;
    this.#scope.run("leadership change", async () => {
      do {
        this.#again = false;
        await this.#follow();
      } while (this.#again);
      this.#changing = false;
    });
  }

  async #follow(): Promise<void> {
    const { role, term } = this.#context.raft.status();
    if (this.#current !== undefined && (role !== "leader" || this.#current.term !== term)) await this.#end();
    if (role !== "leader" || this.#current !== undefined || this.#scope.closed) return;
    const scope = new Scope(this.#context.log, (error) => this.#context.onFatal(error));
    this.#current = { term, scope };
    scope.run("leadership", () => lead(this.#context, scope));
  }

  async #end(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    await current.scope[Symbol.asyncDispose]();
    this.#context.log.info("leadership ended", { term: current.term });
  }
}
