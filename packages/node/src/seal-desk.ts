import { hash } from "node:crypto";
import {
  ClusterError,
  codeOf,
  messageOf,
  sleep,
  type Clock,
  type Log,
  type Millis,
  type NodeId,
  type Scope,
} from "@murmur/base";
import {
  GOSSIP_KEYS_MAX,
  newSealKey,
  newSealKeyBeside,
  parseSealKey,
  sealKeyName,
  SecretSealer,
  type SealKey,
} from "@murmur/identity";
import { requiredSealKey, SEAL_KEYS_KEPT_MS, type Sealed, type SealKeyName, type SealKeyState } from "@murmur/model";
import type { PeerTransport } from "@murmur/transport";

export const SEAL_KEYS_METHOD = "secrets.keys";
export const HAS_SEAL_KEYS_METHOD = "secrets.has-keys";
const ASK_TIMEOUT_MS: Millis = 2_000;
/** Between two looks at the record: only at one field of the replica. */
const LOOK_MS: Millis = 1_000;
/** Between two rounds of asking for keys that are missing. */
const ASK_AGAIN_MS: Millis = 5_000;
/** Between two rounds of a new manager that has none. */
const SEEK_FIRST_MS: Millis = 500;
const SEEK_MOST_MS: Millis = 30_000;
/** How often a node that is no manager any more asks whether all managers have its keys: for about three minutes. */
const FORGET_TRIES = 10;

export interface SealDeskOptions {
  readonly self: NodeId;
  readonly clusterId: string;
  /** This node's keys, as its identity has them. */
  readonly keys: () => readonly SealKey[];
  /** Resolves once the keys are on the disk. */
  readonly keep: (keys: readonly SealKey[]) => Promise<void>;
  /** What the cluster's record says of them, as this node's manager has it; undefined: nothing, or it has no manager. */
  readonly record: () => SealKeyState | undefined;
  /** The same, once a quorum has confirmed it: what is dropped can't be had again. */
  readonly confirmed: (signal: AbortSignal) => Promise<SealKeyState | undefined>;
  /** Keys have come: secrets may open that didn't. */
  readonly onKeys: () => void;
  readonly transport: Pick<PeerTransport, "call">;
  /** The other managers, as far as they are known. */
  readonly managers: () => readonly NodeId[];
  readonly clock: Clock;
  readonly log: Log;
}

/** What a secret is bound to when it is sealed. */
export const secretContext = (clusterId: string, id: string): string => `${clusterId}/${id}`;

/**
 * Seals and opens users' secrets on a manager. The keys are among what the node keeps for itself, in no log, snapshot or
 * backup: a new manager asks the others for them, one that is none any more forgets them.
 */
export class SealDesk {
  readonly #options: SealDeskOptions;
  readonly #scope: Scope;
  #sealer: { readonly keys: string; readonly sealer: SecretSealer } | undefined;
  #asking: Promise<boolean> | undefined;
  #askAgainAt: Millis = 0;
  #isManager = false;
  #isSeeking = false;
  #isForgetting = false;
  #isFollowing = false;
  /** A secret could not be opened. */
  #isLacking = false;

  constructor(options: SealDeskOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
  }

  /** This node has become a manager: it asks the others until it has a key. */
  begin(): void {
    this.#isManager = true;
    this.#seek();
    this.#followRecord();
  }

  /** Asks for the key that the record names, and drops the others when it says that nothing needs them any more. */
  #followRecord(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    const { record, clock, log } = this.#options;
    this.#scope.run("rotation of the key of secrets", async (signal) => {
      while (this.#isManager) {
        const wanted = record();
        try {
          if (wanted !== undefined && this.#keyOf(wanted) === undefined) this.#askSoon();
          else if (wanted !== undefined) await this.#dropOthers(wanted, signal);
        } catch (error) {
          signal.throwIfAborted();
          log.debug("the keys of secrets of before are kept for now", { error: messageOf(error) });
        }
        await sleep(clock, LOOK_MS, signal);
      }
      this.#isFollowing = false;
    });
  }

  async #dropOthers({ phase, steppedAt }: SealKeyState, signal: AbortSignal): Promise<void> {
    const { keys, keep, confirmed, clock, log } = this.#options;
    if (phase !== undefined || keys().length <= 1 || clock.now() < steppedAt + SEAL_KEYS_KEPT_MS) return;
    const wanted = await confirmed(signal);
    const key = wanted?.phase === undefined && wanted !== undefined ? this.#keyOf(wanted) : undefined;
    if (key === undefined) return;
    await keep([key]);
    log.info("the keys of secrets of before are dropped");
  }

  #keyOf({ digest }: SealKeyName): SealKey | undefined {
    return this.#options.keys().find((key) => digestOf(key) === digest);
  }

  /**
   * Makes another key, beside those that there are, and keeps it; nothing is sealed with it before the record says so.
   * Errors: `failed_precondition` when there are too many, and those of the disk.
   */
  async addKey(): Promise<SealKeyName> {
    const { keys, keep } = this.#options;
    if (keys().length >= GOSSIP_KEYS_MAX) {
      throw new ClusterError(
        "failed_precondition",
        "the key of secrets was replaced too often in a row: wait until the ones of before are dropped, a minute after the end of a rotation",
      );
    }
    const key = newSealKeyBeside(keys());
    await keep([...keys(), key]);
    return sealKeyName(key);
  }

  /** Whether a manager, perhaps this one, has a key on its disk. Rejects when it doesn't say. */
  async hasKey(manager: NodeId, digest: string, signal: AbortSignal): Promise<boolean> {
    if (manager === this.#options.self) return this.has([digest]);
    const options = { signal, timeoutMs: ASK_TIMEOUT_MS };
    return (await this.#options.transport.call(manager, HAS_SEAL_KEYS_METHOD, [digest], options)) === true;
  }

  /** What is sealed, sealed with the key that the cluster wants; undefined while no key here opens it. */
  sealAnew({ id, sealed }: Sealed): string | undefined {
    const plain = this.#current()?.open(sealed, this.#context(id));
    if (plain === undefined) this.#askSoon();
    return plain && this.#sealing()?.seal(plain, this.#context(id));
  }

  /**
   * It is none any more, for certain. It forgets the keys once all managers have them, and keeps them when one hasn't got
   * them, or doesn't say, for minutes: then it asks again when it starts the next time.
   */
  forget(): void {
    this.#isManager = false;
    if (this.#options.keys().length === 0 || this.#isForgetting) return;
    this.#isForgetting = true;
    this.#scope.run("forget the keys of secrets", async (signal) => {
      let pauseMs = SEEK_FIRST_MS;
      for (let tries = 0; !this.#isManager && tries < FORGET_TRIES; tries += 1) {
        // It may become one again meanwhile.
        if ((await this.#othersHaveAll()) && !this.#isManager) {
          await this.#options.keep([]);
          this.#seek();
          break;
        }
        await sleep(this.#options.clock, pauseMs, signal);
        pauseMs = Math.min(2 * pauseMs, SEEK_MOST_MS);
      }
      this.#isForgetting = false;
    });
  }

  /** Asks the others, with growing pauses, until a manager has a key, and what could not be opened may be. */
  #seek(): void {
    if (this.#isSeeking) return;
    this.#isSeeking = true;
    this.#scope.run("keys of secrets", async (signal) => {
      let pauseMs = SEEK_FIRST_MS;
      while (this.#isWanting) {
        const before = this.#options.keys().length;
        const allSaid = await this.#ask();
        // A key that nobody has is not asked for without end.
        if (allSaid || this.#options.keys().length > before) this.#isLacking = false;
        if (!this.#isWanting) break;
        await sleep(this.#options.clock, pauseMs, signal);
        pauseMs = Math.min(2 * pauseMs, SEEK_MOST_MS);
      }
      this.#isSeeking = false;
    });
  }

  get #isWanting(): boolean {
    return this.#isLacking || (this.#isManager && this.#options.keys().length === 0);
  }

  /**
   * Answers another manager: whether this one has all keys of these digests. It asks for what it lacks: a cluster that was
   * restored has others than its nodes had before.
   */
  has(digests: unknown): boolean {
    const own = new Set(this.#options.keys().map(digestOf));
    if (!Array.isArray(digests)) return false;
    const hasAll = digests.every((digest) => own.has(String(digest)));
    if (!hasAll && this.#isManager) this.#askSoon();
    return hasAll;
  }

  /** Whether another manager has all keys that this one has, on its disk. Rejects when it doesn't say. */
  async hasAll(manager: NodeId, signal: AbortSignal): Promise<boolean> {
    const digests = this.#options.keys().map(digestOf);
    const options = { signal, timeoutMs: ASK_TIMEOUT_MS };
    return (await this.#options.transport.call(manager, HAS_SEAL_KEYS_METHOD, digests, options)) === true;
  }

  async #othersHaveAll(): Promise<boolean> {
    const others = this.#options.managers();
    const { log } = this.#options;
    try {
      for (const manager of others) if (!(await this.hasAll(manager, this.#scope.signal))) return false;
    } catch (error) {
      log.debug("a manager did not say whether it has the keys of secrets", { code: codeOf(error) });
      return false;
    }
    return others.length > 0;
  }

  /**
   * Seals the bytes of a secret, in base64. A cluster from before there were secrets gets its key with its first one.
   * Errors: `unavailable` when a manager that may have the key doesn't say, and those of the disk.
   */
  async seal(plain: Uint8Array, id: string): Promise<string> {
    if (this.#options.keys().length === 0) {
      const allSaid = await this.#ask();
      if (this.#options.keys().length === 0 && !allSaid) {
        throw new ClusterError(
          "unavailable",
          "this manager hasn't got the key of the secrets yet: try again in a moment",
        );
      }
      if (this.#options.keys().length === 0) await this.#options.keep([newSealKey()]);
    }
    const sealer = this.#sealing();
    if (sealer === undefined) {
      this.#askSoon();
      throw new ClusterError(
        "unavailable",
        "this manager hasn't got the key of the secrets yet: try again in a moment",
      );
    }
    return sealer.seal(plain, this.#context(id));
  }

  /** The bytes of a secret or of a login, in base64; undefined when no key of this node opens it. Then the others are asked. */
  open({ id, sealed }: Sealed): string | undefined {
    const plain = this.#current()?.open(sealed, this.#context(id));
    if (plain === undefined) this.#askSoon();
    return plain?.toString("base64");
  }

  #context(id: string): string {
    return secretContext(this.#options.clusterId, id);
  }

  /** What opens. */
  #current(): SecretSealer | undefined {
    const keys = this.#options.keys();
    const { digest } = this.#options.record() ?? {};
    const isNext = (key: SealKey): boolean => digestOf(key) === digest;
    return this.#sealerOf(
      this.#required() === undefined ? keys.toSorted((a, b) => Number(isNext(a)) - Number(isNext(b))) : keys,
    );
  }

  /** What seals: the key that the record asks for, if it asks for one; undefined while this node hasn't got it. */
  #sealing(): SecretSealer | undefined {
    const wanted = this.#required();
    if (wanted === undefined) return this.#current();
    const key = this.#keyOf(wanted);
    return key && this.#sealerOf([key]);
  }

  #required(): SealKeyState | undefined {
    const sealKey = this.#options.record();
    return sealKey && requiredSealKey({ sealKey });
  }

  #sealerOf(keys: readonly SealKey[]): SecretSealer | undefined {
    const names = keys.join();
    if (names === "") return undefined;
    if (this.#sealer?.keys !== names) this.#sealer = { keys: names, sealer: new SecretSealer(keys) };
    return this.#sealer.sealer;
  }

  #askSoon(): void {
    const now = this.#options.clock.monotonic();
    if (now < this.#askAgainAt) return;
    this.#askAgainAt = now + ASK_AGAIN_MS;
    this.#isLacking = true;
    this.#seek();
  }

  /** One round at a time. Resolves to whether all have answered. */
  #ask(): Promise<boolean> {
    this.#asking ??= this.#askAll().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** Takes over what other managers have and this node hasn't. */
  async #askAll(): Promise<boolean> {
    const { managers, keys, keep, onKeys, transport, log } = this.#options;
    const options = { signal: this.#scope.signal, timeoutMs: ASK_TIMEOUT_MS };
    let all = true;
    for (const manager of managers()) {
      try {
        const answer = keysIn(await transport.call(manager, SEAL_KEYS_METHOD, null, options));
        const known = new Set(keys());
        const news = answer.filter((key) => !known.has(key));
        if (news.length === 0) continue;
        await keep([...keys(), ...news].slice(0, GOSSIP_KEYS_MAX));
        onKeys();
      } catch (error) {
        all = false;
        log.debug("a manager did not tell its keys of secrets", { manager, code: codeOf(error) });
      }
    }
    return all;
  }
}

const keysIn = (answer: unknown): readonly SealKey[] =>
  Array.isArray(answer) ? answer.flatMap((key) => (typeof key === "string" ? parseSealKey(key) : [])) : [];

const digestOf = (key: SealKey): string => hash("sha256", key);
