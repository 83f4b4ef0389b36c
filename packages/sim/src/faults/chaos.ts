import { codeOf, type Millis, type Random, type Timer } from "@murmur/base";
import type { Host, Life } from "../world/host.ts";
import { randomFor, type World } from "../world/world.ts";
import { wellBehaved } from "./engine-faults.ts";
import { chance, logBetween, type Fault, type Scene } from "./fault.ts";

/** Before a host that nobody lets in asks again. */
const JOIN_RETRY_MS: Millis = 2_000;
/** Before a host that is still stopping is looked at again. */
const RESTART_RETRY_MS: Millis = 200;

export interface ChaosOptions {
  readonly world: World;
  /** Which faults there may be. */
  readonly faults: readonly Fault[];
  /** The part of them that is on in one seed: with all of them at once nothing ever works. */
  readonly part: number;
  /** What happens in each seed. */
  readonly always?: readonly Fault[];
  /** How often they strike, as a multiple of what each fault says. Default: 1. */
  readonly pace?: number;
  /** What was damaged on purpose is no violation. */
  readonly excuse: (host: Host) => void;
}

/** Lets things go wrong, as a seed has it, until it is told to make everything well again. */
export class Chaos {
  readonly #world: World;
  readonly #random: Random;
  readonly #faults: readonly { readonly fault: Fault; readonly everyMs: Millis }[];
  readonly #excuse: (host: Host) => void;
  readonly #scene: Scene;
  /** As far as any manager was seen to have committed. */
  #commit = 0;
  /** Hosts that have lost what they had stored, with the node id they had then. */
  readonly #impaired = new Map<Host, string | undefined>();
  /** Hosts that stay away for good once all is well. */
  readonly gone = new Set<Host>();
  /** When each strikes next. */
  readonly #next = new Map<Fault, Timer>();
  #over = false;
  /** Hosts that are on their way back. */
  readonly #restarts = new Set<Timer>();

  constructor({ world, faults, part, always = [], pace = 1, excuse }: ChaosOptions) {
    this.#world = world;
    this.#random = randomFor(world.seed, "chaos");
    this.#excuse = excuse;
    this.#faults = [...faults.filter((fault) => !always.includes(fault) && chance(this.#random, part)), ...always].map(
      (fault) => ({
        fault,
        everyMs: 60_000 / (pace * fault.perMinute * logBetween(this.#random, 0.3, 3)),
      }),
    );
    this.#scene = {
      world,
      random: this.#random,
      say: (what) => this.#say(what),
      later: (delayMs, act) => void world.clock.setTimer(delayMs, act),
      isOver: () => this.#over,
      restartIn: (host, delayMs) => this.#restartIn(host, delayMs),
      mayLose: (host) => this.#mayLose(host),
    };
  }

  /** The faults that are on. */
  get names(): readonly string[] {
    return this.#faults.map(({ fault }) => fault.name);
  }

  start(): void {
    for (const { fault, everyMs } of this.#faults) {
      const next = (): void => {
        // Exponential: what strikes independently of all else.
        const delayMs = -Math.log(1 - this.#random.next()) * everyMs;
        const strike = (): void => {
          fault.strike(this.#scene);
          next();
        };
        this.#next.set(fault, this.#world.clock.setTimer(delayMs, strike));
      };
      next();
    }
  }

  /** Makes everything well again, but for some hosts, so few that the others can do without them, which stay away. */
  heal(): void {
    this.#over = true;
    for (const timer of [...this.#next.values(), ...this.#restarts]) timer.cancel();
    const { hosts, network } = this.#world;
    this.#say("all is made well");
    network.set({ latencyMs: [1, 5], loss: 0, duplicates: 0 });
    for (const host of hosts) {
      for (const other of hosts) {
        if (other === host) continue;
        network.setBetween(host.address, other.address, undefined);
        network.healOneWay(host.address, other.address);
      }
      host.messageFaults.loss = 0;
      host.messageFaults.duplicates = 0;
      host.diskFaults.heal();
      host.engine.wake();
      host.engine.boot();
      wellBehaved(host);
      host.kernel.heal();
      host.life?.process.dieAfter(Infinity);
      host.life?.process.resume();
    }
    this.#loseSomeForGood();
    for (const host of hosts) this.#restartIn(host, this.#random.next() * 2_000);
  }

  /** Nobody comes back any more. */
  end(): void {
    for (const timer of this.#restarts) timer.cancel();
  }

  #loseSomeForGood(): void {
    const { hosts } = this.#world;
    // Whoever is lost after others have moved may be the only one who knew where they are: somebody would have to tell.
    const haveMoved = hosts.some(({ peers }) => peers.length > 0);
    if (this.#impaired.size > 0 || haveMoved || hosts.length < 4 || !chance(this.#random, 0.3)) return;
    const host = hosts[this.#random.below(hosts.length)];
    if (host === undefined || !this.#isSpare(host)) return;
    this.#say(`${host.name} stays away for good`);
    this.gone.add(host);
    host.crash("host");
    host.engine.shutDown();
  }

  /** Whether the others can do without it: of three voters any one may be lost, the only one may not. */
  #isSpare({ member }: Host): boolean {
    const membership = this.#world.leader?.manager?.status().membership;
    const id = member?.identity.nodeId;
    if (membership === undefined || id === undefined) return false;
    const { voters, votersOutgoing } = membership;
    return votersOutgoing.length === 0 && (voters.length >= 3 || !voters.includes(id));
  }

  #say(what: string): void {
    this.#world.tell((observer) => observer.happened?.(what));
  }

  #restartIn(host: Host, delayMs: Millis): void {
    const timer = this.#world.clock.setTimer(delayMs, () => {
      this.#restarts.delete(timer);
      if (host.stopping) return this.#restartIn(host, RESTART_RETRY_MS);
      if (host.running || this.gone.has(host)) return;
      this.#world.background(this.#bringBack(host));
    });
    this.#restarts.add(timer);
  }

  async #bringBack(host: Host): Promise<void> {
    const life = await host.resume();
    this.#letIn(host, life);
  }

  /** Who was taken out while it was away hears of that only later, and is in no cluster then. */
  #letIn(host: Host, life: Life): void {
    if (host.life !== life) return;
    if (life.node.control.status().state === "outside") this.#joinAgain(host);
    else this.#scene.later(JOIN_RETRY_MS, () => this.#letIn(host, life));
  }

  /** A host with nothing on it asks to be let in until it is, or it is gone again. */
  #joinAgain(host: Host): void {
    const life = host.life;
    if (life === undefined) return;
    const retry = (): void => this.#scene.later(JOIN_RETRY_MS, () => this.#joinAgain(host));
    if (life.node.control.status().state !== "outside") return;
    if (this.#world.joinToken() === undefined) return retry();
    this.#world.join(host).catch((error: unknown) => {
      this.#say(`${host.name} was not let in: ${codeOf(error)}`);
      if (host.life === life) retry();
    });
  }

  /**
   * Only one at a time, and only while at least three vote and all the other voters are well. A learner counts, too: it may
   * be made a voter the moment after, and be lost as one.
   */
  #mayLose(host: Host): boolean {
    const status = this.#world.leader?.manager?.status();
    if (status === undefined) return false;
    const { voters, votersOutgoing, learners } = status.membership;
    const takesPart = (id: string): boolean => [...voters, ...learners].some((member) => member === id);
    // Not the leader's word: one that is cut off knows of no commit since (seed 960000120: two of three logs were damaged).
    for (const { manager } of this.#world.hosts) this.#commit = Math.max(this.#commit, manager?.status().commit ?? 0);
    for (const [other, id] of this.#impaired) {
      const repaired = id === undefined || !takesPart(id) || this.#caughtUp(other, id);
      if (repaired) this.#impaired.delete(other);
    }
    const id = host.member?.identity.nodeId;
    const votes = id !== undefined && voters.includes(id);
    if (this.#impaired.size > 0 || votersOutgoing.length > 0 || (votes && voters.length < 3)) return false;
    if (id !== undefined && takesPart(id)) this.#impaired.set(host, id);
    this.#excuse(host);
    return true;
  }

  #caughtUp(host: Host, id: string): boolean {
    const manager = host.manager;
    return host.member?.identity.nodeId === id && manager !== undefined && manager.status().applied >= this.#commit;
  }
}
