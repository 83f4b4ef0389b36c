import { ClusterError, messageOf, Scope, type Log } from "@murmur/base";
import type { InitRequest, JoinRequest, LocalNode, NodeStanding } from "@murmur/api";
import { parseAddress } from "@murmur/transport";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { advertiseAddress } from "./advertise-address.ts";
import { askToJoin, callMember } from "./admission.ts";
import type { DaemonOptions } from "./daemon-options.ts";
import { foundCluster } from "./found-cluster.ts";
import type { IdentityStore } from "./identity-store.ts";
import { leaveCluster } from "./leave-cluster.ts";
import { checkListenable } from "./listen-check.ts";
import { Member, type MemberStart } from "./member.ts";
import { systemWires } from "./system-wires.ts";
import { systemClock } from "./system-clock.ts";

/** While it starts and stops nothing else may. */
type State =
  | { readonly kind: "outside" }
  | { readonly kind: "busy"; readonly what: string }
  | { readonly kind: "active"; readonly member: Member; readonly scope: Scope }
  | { readonly kind: "failed"; readonly message: string };

/** What stays the same over a machine's memberships. */
type LocalNodeStart = Omit<MemberStart, "identity" | "membership" | "bootstrap" | "wires">;

/** This machine's way into a cluster and out of it. At any time it is in one state; a change is all or nothing. */
export class LocalNodeControl implements LocalNode {
  readonly #options: DaemonOptions;
  readonly #identities: IdentityStore;
  readonly #start: LocalNodeStart;
  readonly #log: Log;
  #state: State = { kind: "outside" };
  /** While this node leaves by its own wish, its removal is no news. */
  #leaving = false;

  constructor(options: DaemonOptions, identities: IdentityStore, start: LocalNodeStart) {
    this.#options = options;
    this.#identities = identities;
    this.#start = start;
    this.#log = start.log;
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
      case "busy":
        return { state: "joining", address: state.what };
      case "failed":
        return { state: "failed", message: state.message };
      case "active":
        return state.member.standing();
    }
  }

  /** Takes up the identity that this machine has, if it has one. Never throws: what is wrong shows in `status`. */
  async resume(): Promise<void> {
    try {
      const stored = await this.#identities.read();
      if (stored === undefined) return;
      this.#state = { kind: "busy", what: stored.membership.address };
      await this.#activate({ ...this.#start, ...stored, bootstrap: undefined });
    } catch (error) {
      const message = `this node can't take up its place in the cluster: ${messageOf(error)}`;
      this.#log.error(message);
      this.#state = { kind: "failed", message };
    }
  }

  async init(request: InitRequest, signal: AbortSignal): Promise<void> {
    await this.#change("init", async () => {
      const listen = request.listenAddr ?? this.#options.listenAddr;
      const address = advertiseAddress(request.advertiseAddr, parseAddress(listen));
      await checkListenable(listen);
      signal.throwIfAborted();
      // What an interrupted attempt left behind belongs to no cluster.
      await this.#wipe();
      const { identity, commands } = await foundCluster({
        address,
        request,
        hostname: this.#options.hostname,
        clock: this.#start.clock,
        newId: this.#start.newId,
      });
      const membership = { listen, address, peers: [] };
      await this.#identities.writeMembership(membership);
      await this.#activate({ ...this.#start, identity, membership, bootstrap: { commands } });
      await this.#identities.writeIdentity(identity);
    });
  }

  async join(request: JoinRequest, signal: AbortSignal): Promise<void> {
    await this.#change(request.addresses.join(", "), async () => {
      const listen = request.listenAddr ?? this.#options.listenAddr;
      const { port, host } = parseAddress(listen);
      // Without an address of its own it is known by the one that its request comes from.
      const wildcard = host === "0.0.0.0" || host === "::";
      const advertise =
        request.advertiseAddr === undefined && wildcard
          ? `:${String(port)}`
          : advertiseAddress(request.advertiseAddr, { host, port });
      await checkListenable(listen);
      await this.#wipe();
      const joined = await askToJoin({
        ...request,
        advertise,
        hostname: this.#options.hostname,
        call: callMember(systemClock, signal),
      });
      const membership = { listen, address: joined.address, peers: joined.peers };
      await this.#identities.writeMembership(membership);
      await this.#identities.writeIdentity(joined.identity);
      await this.#activate({ ...this.#start, identity: joined.identity, membership, bootstrap: undefined });
    });
  }

  async leave({ force }: { readonly force: boolean }, signal: AbortSignal): Promise<void> {
    const state = this.#state;
    if (state.kind === "failed" && force) return this.#forget();
    if (state.kind !== "active") throw new ClusterError("not_in_cluster", "this node is in no cluster");
    this.#leaving = true;
    try {
      await leaveCluster(state.member, { force, signal });
      await this.#shutDown(state);
      await this.#forget();
    } finally {
      this.#leaving = false;
    }
  }

  /** Ends the member for good or until the next start; containers run on, the identity stays. */
  async stop(): Promise<void> {
    if (this.#state.kind !== "active") return;
    await this.#state.member.handOver();
    await this.#shutDown(this.#state);
  }

  async #change(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#state.kind === "active" || this.#state.kind === "failed") {
      throw new ClusterError(
        "already_in_cluster",
        "this node is already in a cluster: leave it first with `murmur cluster leave`",
      );
    }
    if (this.#state.kind === "busy")
      throw new ClusterError("failed_precondition", "this node is already joining or starting a cluster");
    this.#state = { kind: "busy", what };
    try {
      await work();
    } catch (error) {
      if (this.#current().kind === "active") await this.stop();
      await this.#forget();
      throw error;
    }
  }

  /** Read through a call: what work() has made of the state isn't what the compiler saw last. */
  #current(): State {
    return this.#state;
  }

  async #activate(start: Omit<MemberStart, "wires">): Promise<void> {
    const scope = new Scope(this.#log, (error) => this.#restartAfter(error));
    try {
      const wires = systemWires(this.#options, start);
      const member = await Member.start(
        { ...start, wires, onRemoved: () => this.#removed(), onFatal: (error) => this.#restartAfter(error) },
        scope,
      );
      this.#state = { kind: "active", member, scope };
    } catch (error) {
      await scope[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A part that the rest can't do without has failed: everything is built anew from what is on the disk. */
  #restartAfter(error: unknown): void {
    const state = this.#state;
    if (state.kind !== "active") return;
    this.#log.error("restarting this node's part in the cluster", { error: messageOf(error) });
    this.#state = { kind: "busy", what: "restart" };
    void (async () => {
      await state.scope[Symbol.asyncDispose]();
      await new Promise<void>((resolve) => void systemClock.setTimer(1_000, resolve));
      await this.resume();
    })();
  }

  #removed(): void {
    const state = this.#state;
    if (state.kind !== "active" || this.#leaving) return;
    this.#log.warn("this node was removed from the cluster");
    this.#state = { kind: "busy", what: "leaving" };
    void (async () => {
      await state.scope[Symbol.asyncDispose]();
      await this.#forget();
    })();
  }

  async #shutDown(state: Extract<State, { kind: "active" }>): Promise<void> {
    this.#state = { kind: "busy", what: "stopping" };
    await state.scope[Symbol.asyncDispose]();
    this.#state = { kind: "outside" };
  }

  async #forget(): Promise<void> {
    await this.#identities.forget();
    await this.#wipe();
    this.#state = { kind: "outside" };
  }

  async #wipe(): Promise<void> {
    await rm(join(this.#options.dataDir, "raft"), { recursive: true, force: true });
    await this.#start.forgetTasks();
  }
}
