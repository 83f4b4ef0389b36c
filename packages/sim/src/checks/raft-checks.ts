import type { NodeId } from "@murmur/base";
import { decodeMembership } from "@murmur/raft";
import type { Recovered, SnapshotMeta, WriteBatch } from "@murmur/storage";
import type { Observer } from "../world/observer.ts";
import { checkCommit } from "./commit-checks.ts";
import { checkInstalled, checkSnapshot, checkWritten } from "./log-checks.ts";
import { LogMirror } from "./log-mirror.ts";
import { checkSent, raftMessage } from "./message-checks.ts";
import { RaftHistory } from "./raft-history.ts";
import type { RaftHost, RaftScene } from "./raft-scene.ts";
import { checkStatus, newLife, type ManagerLife } from "./status-checks.ts";
import type { Judge } from "./violation.ts";
import { checkHardState, checkHardStateFound, notePromised } from "./vote-checks.ts";

/**
 * Raft's promises, after each step and at each message and write, from what can be seen of the hosts: the work is in
 * proportion to what the step did.
 */
export class RaftChecks implements Observer {
  readonly #judge: Judge;
  /** By generation. */
  readonly #histories = new Map<number, RaftHistory>();
  /** The log that each host has open, or had last; of hosts whose log was damaged those of other generations, too. */
  readonly #logs = new Map<RaftHost, Map<number, LogMirror>>();
  readonly #current = new Map<RaftHost, LogMirror>();
  readonly #lives = new WeakMap<object, ManagerLife>();
  readonly #scenes = new WeakMap<LogMirror, RaftScene>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /** The host's disk was damaged on purpose: what it has acknowledged until now it may have lost. */
  excuse(host: RaftHost): void {
    const log = this.#current.get(host);
    if (log !== undefined) log.lostUpTo = Math.max(log.lostUpTo, log.durable.last);
  }

  opened(host: RaftHost, recovered: Recovered, generation: number): void {
    const log = this.#logOf(host, generation);
    this.#current.set(host, log);
    const scene = this.#sceneOf(host, log);
    const { snapshot, hardState } = recovered;
    const { commits } = scene.history;
    if (snapshot !== undefined && commits.last === 0)
      commits.begin(snapshot.index, decodeMembership(snapshot.membership));
    checkHardStateFound(scene, hardState);
    if (recovered.damage !== undefined) notePromised(scene);
    log.open(recovered);
    this.#noteVote(log);
  }

  wrote(host: RaftHost, batch: WriteBatch): void {
    const scene = this.#scene(host);
    if (scene === undefined) return;
    if (batch.hardState !== undefined) checkHardState(scene, batch.hardState);
    checkWritten(scene, batch);
    scene.log.wrote(batch);
  }

  durable(host: RaftHost, batch: WriteBatch): void {
    const scene = this.#scene(host);
    if (scene === undefined) return;
    const { log } = scene;
    log.becameDurable(batch);
    this.#noteVote(log);
    const { term, commit } = log.durableState;
    if (log.owner !== undefined) checkCommit(scene, { index: commit, term, leads: false });
  }

  logReplaced(host: RaftHost, snapshot: SnapshotMeta | undefined): void {
    const scene = this.#scene(host);
    if (scene === undefined) return;
    if (snapshot === undefined) {
      notePromised(scene);
      const { log, history } = scene;
      return log.reset(log.owner !== undefined && history.commits.excludesSince(log.durable.last, log.owner));
    }
    checkInstalled(scene, snapshot);
    scene.log.installed(snapshot);
  }

  snapshotSaved(host: RaftHost, snapshot: SnapshotMeta): void {
    const scene = this.#scene(host);
    // The first of a generation is written before there is anything that it could contradict.
    if (scene === undefined || scene.history.commits.last === 0) return;
    checkSnapshot(scene, snapshot);
  }

  /** What the node had promised it has forgotten, but it will be another node. */
  wiped(host: RaftHost): void {
    this.#logs.delete(host);
    this.#current.delete(host);
  }

  sent(host: RaftHost, _to: NodeId, sent: unknown): void {
    const raft = raftMessage(sent);
    if (raft === undefined) return;
    const scene = this.#scene(host);
    if (scene?.log.generation === raft.generation) checkSent(scene, raft.message);
  }

  stepped(host: RaftHost): void {
    const { member } = host;
    const manager = member?.host.manager();
    const scene = this.#scene(host);
    if (member === undefined || manager === undefined || scene === undefined) return;
    scene.history.bind(scene.log, member.identity.nodeId);
    let life = this.#lives.get(manager);
    if (life === undefined) this.#lives.set(manager, (life = newLife(scene)));
    checkStatus(scene, life, manager.status());
  }

  #noteVote(log: LogMirror): void {
    const { term, votedFor } = log.durableState;
    if (votedFor !== undefined) log.votes.set(term, votedFor);
  }

  #logOf(host: RaftHost, generation: number): LogMirror {
    let logs = this.#logs.get(host);
    if (logs === undefined) this.#logs.set(host, (logs = new Map()));
    let log = logs.get(generation);
    if (log === undefined) logs.set(generation, (log = new LogMirror(generation)));
    return log;
  }

  #scene(host: RaftHost): RaftScene | undefined {
    const log = this.#current.get(host);
    return log && this.#sceneOf(host, log);
  }

  /** A log is one host's, and of one generation. */
  #sceneOf(host: RaftHost, log: LogMirror): RaftScene {
    const known = this.#scenes.get(log);
    if (known !== undefined) return known;
    let history = this.#histories.get(log.generation);
    if (history === undefined) this.#histories.set(log.generation, (history = new RaftHistory()));
    const scene: RaftScene = { judge: this.#judge, host, log, history };
    this.#scenes.set(log, scene);
    return scene;
  }
}
