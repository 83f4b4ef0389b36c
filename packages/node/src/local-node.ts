import { ClusterError, codeOf, messageOf, Scope, sleep, withSignals, type Log, type Millis } from "@murmur/base";
import type {
  DoctorReport,
  DoctorRequest,
  InitRequest,
  JoinRequest,
  LocalNode,
  NodeStanding,
  RecoveryPlan,
  RestoreRequest,
} from "@murmur/api";
import { LOCKED } from "@murmur/api";
import { parseUnlockKey, sealKeyName, type UnlockKey } from "@murmur/identity";
import type { Guest, NetworkId } from "@murmur/model";
import type { CallMember } from "./admission.ts";
import { requirePlane, startByJoining, startFromBackup, startOfNewCluster } from "./first-start.ts";
import { failedMeanwhile } from "./leave-cluster.ts";
import { Leaving } from "./leaving.ts";
import { wipeLeftovers } from "./leftovers.ts";
import type { LocalNodeOptions } from "./local-node-options.ts";
import { Member, type MemberStart } from "./member.ts";
import { moveTo } from "./whereabouts.ts";

/** While it starts and stops nothing else may. */
type State =
  | { readonly kind: "outside" }
  /** The daemon has just been started, or what failed is tried again: what the disk has isn't taken up yet. */
  | { readonly kind: "starting" }
  | { readonly kind: "busy"; readonly what: string }
  | { readonly kind: "active"; readonly member: Member; readonly scope: Scope; readonly since: Millis }
  | { readonly kind: "failed"; readonly message: string }
  /** What it has on its disk is sealed, and waits for the unlock key. */
  | { readonly kind: "locked" };

/** Before a membership that has failed is taken up again; doubles with each failure in a row. */
const RESTART_FIRST_MS: Millis = 1_000;
const RESTART_MOST_MS: Millis = 30_000;
/** A membership that held for so long counts as whole again. */
const STEADY_MS: Millis = 60_000;

/** Docker's words. */
const LEAVE_LOCKED = "Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.";

/** This machine's way into a cluster and out of it. At any time it is in one state; a change is all or nothing. */
export class LocalNodeControl implements LocalNode {
  readonly #options: LocalNodeOptions;
  readonly #log: Log;
  /** Restarts and removals, which nobody has asked for and nobody waits for. */
  readonly #background: Scope;
  readonly #leaving: Leaving;
  #state: State = { kind: "outside" };
  #failures = 0;
  /** Settles when this node has stopped; undefined until it is told to. */
  #stopped: Promise<void> | undefined;
  /** Aborted for good by `stop`. */
  readonly #stopping = new AbortController();
  /** Settles, without an error, when the last `resume` has ended. */
  #resumed: Promise<void> = Promise.resolve();
  /** Settles when no change of `init`, `join` and `restore` is under way. */
  #changed: Promise<unknown> = Promise.resolve();

  constructor(options: LocalNodeOptions) {
    this.#options = options;
    this.#log = options.start.log;
    this.#background = new Scope(this.#log);
    this.#leaving = new Leaving(options.start);
  }

  /** The running member, while this node is in a cluster. */
  member(): Member | undefined {
    return this.#state.kind === "active" ? this.#state.member : undefined;
  }

  status(): NodeStanding {
    const state = this.#state;
    switch (state.kind) {
      case "outside":
        return { state: "outside" };
      case "starting":
        return { state: "starting" };
      case "busy":
        return { state: "joining", address: state.what };
      case "failed":
        return { state: "failed", message: state.message };
      case "locked":
        return { state: "locked" };
      case "active":
        return state.member.standing();
    }
  }

  /**
   * Takes up the identity that this machine has, if it has one, at the addresses that the daemon was told at its start, or
   * else at those of before. Never throws: what is wrong shows in `status`, and is tried again. Until it settles, changes
   * wait: from the call on, nobody is told that this node is in no cluster just because its disk hasn't been read yet.
   */
  resume(): Promise<void> {
    this.#state = { kind: "starting" };
    this.#resumed = this.#resume();
    return this.#resumed;
  }

  async #resume(): Promise<void> {
    const { daemon, identities, start, edge } = this.#options;
    try {
      if ((await identities.locked()) !== undefined) {
        this.#state = { kind: "locked" };
        return this.#log.warn("this node is locked: `murmur cluster unlock`, or `docker swarm unlock`");
      }
      const stored = await identities.read();
      if (stored === undefined) {
        this.#state = { kind: "outside" };
        return;
      }
      await requirePlane(edge, stored.membership.dataPlane);
      const membership = await moveTo(stored, { told: daemon, edge, ...start });
      const call = (signal: AbortSignal): CallMember => edge.callMember(signal);
      const seeds = { addresses: daemon.peers, call };
      await this.#activate({ ...start, ...stored, membership, seeds, bootstrap: undefined });
    } catch (error) {
      this.#failed(`this node can't take up its place in the cluster: ${messageOf(error)}`);
    }
  }

  async unlock(text: string): Promise<void> {
    if (this.#state.kind === "starting") await this.#resumed;
    const before = this.#state;
    if (before.kind !== "locked") {
      this.#active();
      throw new ClusterError("already_exists", "swarm is not locked");
    }
    const key = parseUnlockKey(text);
    this.#state = { kind: "busy", what: "unlocking" };
    const unlocked = this.#unlock(key);
    this.#changed = unlocked.catch(() => {});
    await unlocked;
  }

  async #unlock(key: UnlockKey): Promise<void> {
    let opens = false;
    try {
      opens = await this.#options.identities.unlock(key);
    } finally {
      if (!opens) this.#state = { kind: "locked" };
    }
    if (!opens) throw new ClusterError("unauthenticated", "swarm could not be unlocked: invalid key provided");
    await this.resume();
    this.#active();
  }

  async init(request: InitRequest, asked: AbortSignal): Promise<void> {
    await this.#change("init", asked, async (signal) => {
      const member = await this.#activate(await startOfNewCluster(this.#options, request, signal));
      await member.storeIdentity();
    });
  }

  async join(request: JoinRequest, asked: AbortSignal): Promise<void> {
    await this.#change(request.addresses.join(", "), asked, async (signal) => {
      await this.#activate(await startByJoining(this.#options, request, signal));
      await this.#options.identities.forgetJoinKey();
    });
  }

  async restore(request: RestoreRequest, asked: AbortSignal): Promise<void> {
    await this.#change("a backup", asked, async (signal) => {
      const member = await this.#activate(await startFromBackup(this.#options, request, signal));
      await member.storeIdentity();
    });
  }

  secretsKey(): string {
    const member = this.#active();
    const { sealKeys } = member.identity;
    const { digest, phase } = member.host.serving()?.view.cluster()?.sealKey ?? {};
    const present = sealKeys.find((key) => phase === undefined && sealKeyName(key).digest === digest);
    if (sealKeys.length > 0) return present ?? sealKeys.join(",");
    throw new ClusterError(
      "failed_precondition",
      "only managers have the key of the secrets: ask one (murmur node ls)",
    );
  }

  async recoveryPlan(signal: AbortSignal): Promise<RecoveryPlan> {
    return this.#active().recovery.plan(signal);
  }

  async recover(options: { readonly force: boolean }, signal: AbortSignal): Promise<RecoveryPlan> {
    return this.#active().recovery.recover(options, signal);
  }

  async doctor(request: DoctorRequest, signal: AbortSignal): Promise<DoctorReport> {
    return this.#active().doctor.look(request, signal);
  }

  async ownNetwork(id: NetworkId, signal: AbortSignal): Promise<string> {
    const { overlay } = this.#active();
    if (overlay?.networks.ownNetwork !== undefined) return overlay.networks.ownNetwork(id, { signal });
    throw new ClusterError(
      "failed_precondition",
      "this cluster's data plane is ports: networks are for services alone",
    );
  }

  guests(): readonly Guest[] {
    return this.#state.kind === "active" ? this.#state.member.guests : [];
  }

  /** The running member, or why there is none. */
  #active(): Member {
    const state = this.#state;
    if (state.kind === "active") return state.member;
    if (state.kind === "failed") throw new ClusterError("unavailable", state.message);
    if (state.kind === "locked") throw new ClusterError("unavailable", LOCKED);
    if (state.kind === "busy" || state.kind === "starting")
      throw new ClusterError("unavailable", "this node is starting or leaving; try again in a moment");
    throw new ClusterError("not_in_cluster", "this node is in no cluster");
  }

  async leave({ force }: { readonly force: boolean }, signal: AbortSignal): Promise<void> {
    const state = this.#state;
    if (state.kind === "failed" && force) return this.#forgetOrFail();
    if (state.kind === "locked" && force) {
      const locked = await this.#options.identities.locked();
      this.#state = { kind: "busy", what: "leaving" };
      return this.#leaving.ofLocked(locked, () => this.#forgetOrFail(), signal);
    }
    if (state.kind === "locked") throw new ClusterError("failed_precondition", LEAVE_LOCKED);
    if (state.kind === "failed")
      throw new ClusterError("failed_precondition", `${state.message}; say --force to leave nevertheless`);
    if (state.kind === "busy" || state.kind === "starting" || this.#leaving.isUnderWay)
      throw new ClusterError("failed_precondition", "this node is starting or leaving; try again in a moment");
    if (state.kind === "outside") throw new ClusterError("not_in_cluster", "this node is in no cluster");
    const over = async (): Promise<void> => {
      // The member that has taken its place is still to hear that it is out: its identity isn't forgotten from under it.
      if (this.#state !== state) throw failedMeanwhile();
      await this.#shutDown(state);
      await this.#forgetOrFail();
    };
    await withSignals([signal, this.#stopping.signal], (either) =>
      this.#leaving.of(state.member, { force, over, signal: either }),
    );
  }

  /**
   * Ends the member for good; containers run on, the identity stays. A change that is under way is called off and leaves
   * nothing behind, unless it is so far that nobody else is waited for: then it is completed first. Whoever asks for it
   * again waits for the same end.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new ClusterError("cancelled", "this node's daemon is being stopped"));
    await this.#resumed;
    await this.#changed;
    await this.#leaving.settled;
    await this.#background[Symbol.asyncDispose]();
    if (await this.#endMember()) this.#state = { kind: "outside" };
  }

  /** Whether there was one. What is to become of this node then, the caller says. */
  async #endMember(): Promise<boolean> {
    const state = this.#state;
    if (state.kind !== "active") return false;
    await state.member.handOver();
    await this.#shutDown(state);
    return true;
  }

  async #change(what: string, asked: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (this.#state.kind === "starting") await this.#resumed;
    if (this.#state.kind === "locked") throw new ClusterError("unavailable", LOCKED);
    if (this.#state.kind === "active" || this.#state.kind === "failed") {
      throw new ClusterError(
        "already_in_cluster",
        "this node is already in a cluster: leave it first with `murmur cluster leave`",
      );
    }
    if (this.#state.kind === "busy")
      throw new ClusterError("failed_precondition", "this node is already joining or starting a cluster");
    this.#state = { kind: "busy", what };
    const change = this.#allOrNothing(() => withSignals([asked, this.#stopping.signal], work));
    this.#changed = change.catch(() => {});
    await change;
  }

  async #allOrNothing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.#endMember();
      await this.#undo();
      throw error;
    }
  }

  async #activate(start: Omit<MemberStart, "wires">): Promise<Member> {
    // What happens while the member is still being built is acted upon once it is there.
    let early: (() => void) | undefined;
    const once =
      (act: () => void): (() => void) =>
      () => {
        if (this.#state.kind === "active" && this.#state.scope === scope) act();
        else early ??= act;
      };
    const onFatal = (error: unknown): void => once(() => this.#restartAfter(error))();
    const scope = new Scope(this.#log, onFatal);
    let member: Member;
    try {
      const wires = this.#options.edge.wires(start);
      member = await Member.start({ ...start, wires, onRemoved: once(() => this.#removed()), onFatal }, scope);
      this.#state = { kind: "active", member, scope, since: start.clock.monotonic() };
    } catch (error) {
      await scope[Symbol.asyncDispose]();
      throw error;
    }
    early?.();
    return member;
  }

  /** A part that the rest can't do without has failed: everything is built anew from what is on the disk. */
  #restartAfter(error: unknown): void {
    const state = this.#state;
    if (state.kind !== "active") return;
    if (this.#options.start.clock.monotonic() - state.since >= STEADY_MS) this.#failures = 0;
    this.#failed(`this node has failed and is being restarted: ${messageOf(error)}`, state.scope);
  }

  /** Says what is wrong, and tries again after a while, unless somebody makes this node leave. */
  #failed(message: string, scope?: Scope): void {
    const { clock } = this.#options.start;
    const failed = { kind: "failed", message } as const;
    this.#log.error(message);
    this.#state = failed;
    const delay = Math.min(RESTART_MOST_MS, RESTART_FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#background.run("restart", async (signal) => {
      await scope?.[Symbol.asyncDispose]();
      await sleep(clock, delay, signal);
      if (this.#state === failed) await this.resume();
    });
  }

  #removed(): void {
    const state = this.#state;
    if (state.kind !== "active") return;
    if (this.#leaving.heardOfIt(state.member)) return;
    this.#log.warn("this node was removed from the cluster");
    this.#state = { kind: "busy", what: "leaving" };
    this.#background.run("removal", async () => {
      await state.scope[Symbol.asyncDispose]();
      await this.#forgetOrFail().catch((error: unknown) => this.#log.error(messageOf(error)));
    });
  }

  /** Ends the member. The node stays busy: what the membership has left must be gone before there is another one. */
  async #shutDown(state: Extract<State, { kind: "active" }>): Promise<void> {
    this.#state = { kind: "busy", what: "stopping" };
    await state.scope[Symbol.asyncDispose]();
  }

  /** This node is none of its cluster's any more: the next time it is another one. Until then nobody begins anything here. */
  async #forgetOrFail(): Promise<void> {
    this.#state = { kind: "busy", what: "leaving" };
    try {
      await this.#options.identities.forgetJoinKey();
      await this.#undo();
    } catch (error) {
      const message = `this node is out of its cluster and can't forget it: ${messageOf(error)}`;
      this.#state = { kind: "failed", message };
      throw new ClusterError(codeOf(error), message, { cause: error });
    }
  }

  /** What a change has come to is taken back. The key to join with stays: a cluster may have given it a place by now. */
  async #undo(): Promise<void> {
    await this.#options.identities.forget();
    await wipeLeftovers(this.#options);
    this.#state = { kind: "outside" };
  }
}
