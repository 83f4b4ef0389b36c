import { ManualClock, nodeId, randomId, Scope, SeededRandom, silentLog, type Millis, type NodeId } from "@murmur/base";
import type { Command } from "@murmur/model";
import { encodeMembership, membershipOf, Raft, type Message, type RaftConfig } from "@murmur/raft";
import { createStore } from "@murmur/store";
import { MemoryDisk } from "@murmur/storage";
import { MemoryNetwork } from "@murmur/transport";
import { membershipOfSnapshot, RaftDriver } from "../raft-driver.ts";
import { Replica } from "../replica.ts";
import { loadSnapshot } from "../snapshot-courier.ts";
import { Submitter } from "../submitter.ts";

/** One manager's raft, with what outlives its process. */
export interface Member {
  readonly id: NodeId;
  readonly disk: MemoryDisk;
  process: Process | undefined;
  /** How long its process has stood still: its clock has gone on, its timers have not. */
  pausedMs: Millis;
}

interface Process {
  readonly scope: Scope;
  readonly raft: Raft;
  readonly driver: RaftDriver;
  readonly replica: Replica;
  readonly submitter: Submitter;
  /** The texts that were applied here, in order. */
  readonly applied: string[];
  /** Raft's messages, in the order in which they left. */
  readonly sent: Message[];
  readonly failures: unknown[];
}

/** Raft drivers over memory disks and the memory network; what they agree on are texts. */
export class DriverWorld {
  readonly clock = new ManualClock();
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly members: readonly Member[];
  readonly #config: Partial<RaftConfig>;

  private constructor(seed: number, names: readonly string[], config: Partial<RaftConfig>) {
    this.#config = config;
    this.random = new SeededRandom(seed);
    this.network = new MemoryNetwork({ clock: this.clock, random: this.random });
    this.members = names.map((name) => ({ id: nodeId(name), disk: new MemoryDisk(), process: undefined, pausedMs: 0 }));
  }

  /** A cluster in which all are voters from the start. */
  static async of(seed: number, names = ["a", "b", "c"], config: Partial<RaftConfig> = {}): Promise<DriverWorld> {
    const world = new DriverWorld(seed, names, config);
    const data = encodeMembership(membershipOf(world.members.map(({ id }) => id)));
    for (const { disk } of world.members) {
      await using storage = await disk.open();
      await storage.write({
        hardState: { term: 1, commit: 1 },
        entries: [{ index: 1, term: 1, kind: "membership", data }],
      });
    }
    for (const member of world.members) await world.start(member);
    return world;
  }

  async start(member: Member): Promise<void> {
    const { random } = this;
    const clock = {
      now: () => this.clock.now(),
      monotonic: () => this.clock.monotonic() + member.pausedMs,
      setTimer: (delayMs: Millis, callback: () => void) => this.clock.setTimer(delayMs, callback),
    };
    const storage = await member.disk.open();
    const scope = new Scope(silentLog);
    const addressOf = (id: NodeId): string => `${id}:1`;
    const address = addressOf(member.id);
    const peers = this.network.openPeerTransport({ nodeId: member.id, address, addressOf, log: silentLog });
    const sent: Message[] = [];
    const send = peers.send.bind(peers);
    peers.send = (to, channel, message) => {
      // This world's members send nothing else.
      sent.push(message as Message);
      return send(to, channel, message);
    };
    const applied: string[] = [];
    const failures: unknown[] = [];
    const store = createStore();
    const listening = {
      ...store,
      view: store.view,
      apply: (_index: number, command: Command) => {
        if (command.kind === "setNodeState") applied.push(command.message);
        return { ok: true as const, version: 1 };
      },
    };
    const replica = new Replica({ store: listening, appliedIndex: 0, log: silentLog });
    const { hardState, snapshot, entries } = storage.recovered;
    const reader = await storage.openSnapshot();
    if (reader !== undefined) await loadSnapshot(reader, replica);
    const raft = new Raft({
      id: member.id,
      membership: membershipOfSnapshot(snapshot),
      hardState: {
        term: hardState.term,
        commit: hardState.commit,
        vote: hardState.votedFor === undefined ? undefined : nodeId(hardState.votedFor),
      },
      snapshot: snapshot ?? { index: 0, term: 0 },
      entries: entries
        .filter(({ index }) => index > (snapshot?.index ?? 0))
        .map(({ kind, ...entry }) => ({ ...entry, kind: kind === "membership" || kind === "noop" ? kind : "normal" })),
      appliedIndex: snapshot?.index ?? 0,
      random,
      config: this.#config,
    });
    const onFatal = (error: unknown): void => void failures.push(error);
    const driver = new RaftDriver(
      { self: member.id, raft, storage, replica, peers, clock, log: silentLog, onFatal, onChange: () => {} },
      scope,
    );
    const newId = (): string => randomId(random);
    const submitter = new Submitter({ consensus: driver, replica, clock, newId, stopping: scope.signal });
    driver.start();
    member.process = { scope, raft, driver, replica, submitter, applied, sent, failures };
  }

  /** The process is gone; what was not synced is lost. */
  async kill(member: Member): Promise<void> {
    const { process } = member;
    member.process = undefined;
    this.network.kill(`${member.id}:1`, "process");
    member.disk.crash();
    await process?.scope[Symbol.asyncDispose]();
  }

  leader(): Member | undefined {
    return this.members.find(({ process }) => process?.raft.status().role === "leader");
  }

  /** Submits a text through a member; resolves to whether it was confirmed. */
  submit(member: Member, text: string): Promise<boolean> {
    const command: Command = { kind: "setNodeState", id: nodeId("n1"), state: "ready", message: text, now: 1 };
    const submitter = member.process?.submitter;
    if (submitter === undefined) return Promise.resolve(false);
    return submitter.submit([command], new AbortController().signal).then(
      () => true,
      () => false,
    );
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 5) await this.clock.advance(5);
  }

  /** Lets time pass until a promise settles. */
  async during<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const watched = work.finally(() => (settled = true));
    await this.until(() => settled);
    return watched;
  }

  async until(condition: () => boolean, limitMs = 20_000): Promise<void> {
    for (let passed = 0; !condition(); passed += 5) {
      if (passed > limitMs) throw new Error("it did not come to that in time");
      await this.clock.advance(5);
    }
  }
}
