import {
  ClusterError,
  messageOf,
  sleep,
  withDeadline,
  type Clock,
  type Log,
  type Millis,
  type Scope,
} from "@murmur/base";
import { parseUnlockKey, SecretSealer, type DiskSeal, type SealKey, type UnlockKey } from "@murmur/identity";
import type { Manager } from "@murmur/manager";
import { UNLOCK_KEY_SEAL_ID, type Cluster, type Sealed } from "@murmur/model";
import { secretContext } from "./seal-desk.ts";
import { newDiskKey, parseDiskKey, sealedLog, type LogKeys, type LogStorage, type SealedLog } from "@murmur/storage";

/** Between two looks at the replicated record: only a look at one field of this replica. */
const LOOK_MS: Millis = 250;
/** After something went wrong: no leader, a disk that is full. */
const AGAIN_MS: Millis = 2_000;
/** A change may be waited for so long; it goes on afterwards. */
const SETTLE_MS: Millis = 5_000;
/** A process that ends waits for its last look so long: a node without a quorum is to be stopped, too. */
const LAST_LOOK_MS: Millis = 500;
/** Keys that are in use at the same time, when one change after the other was interrupted. */
const DISK_KEYS_MAX = 8;

export interface LockKeeperOptions {
  /** What the identity on the disk has. */
  readonly disk: () => DiskSeal | undefined;
  /** What the identity on the disk is sealed with; undefined: it is in clear. */
  readonly lock: () => UnlockKey | undefined;
  /** Resolves once the identity is on the disk with the one, sealed with the other. */
  readonly keep: (lock: UnlockKey | undefined, disk: DiskSeal | undefined) => Promise<void>;
  /** This node's manager while it takes part. */
  readonly manager: () => Manager | undefined;
  /** As `SealDesk.open`. */
  readonly open: (sealed: Sealed) => string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** The key that a cluster's record holds. Undefined when this node can't open it (yet). */
export function unlockKeyIn(
  { unlockKey }: Pick<Cluster, "unlockKey">,
  open: (sealed: Sealed) => string | undefined,
): UnlockKey | undefined {
  if (unlockKey === undefined) return undefined;
  const text = open({ id: UNLOCK_KEY_SEAL_ID, sealed: unlockKey });
  return text === undefined ? undefined : parseUnlockKey(Buffer.from(text, "base64").toString());
}

/** The same, as it gets into the record. */
export const sealUnlockKey = (
  key: UnlockKey,
  of: { readonly sealKeys: readonly SealKey[]; readonly clusterId: string },
): string => new SecretSealer(of.sealKeys).seal(Buffer.from(key), secretContext(of.clusterId, UNLOCK_KEY_SEAL_ID));

/**
 * Keeps what a manager has on its disk sealed as the cluster's record says: docs/autolock.md has the steps, and what an
 * interruption of each leaves behind. Invariant: whatever the log on the disk is sealed with, the identity has its key.
 */
export class LockKeeper {
  readonly #options: LockKeeperOptions;
  /** The log that was opened last. */
  #log: SealedLog | undefined;
  /** What the record held when this node's disk was last made to follow it. */
  #followed: { readonly unlockKey: string | undefined } | undefined;
  #following: Promise<void> | undefined;

  constructor(options: LockKeeperOptions) {
    this.#options = options;
  }

  /** The log of this node's manager, sealed as the identity says. */
  seal(storage: LogStorage): LogStorage {
    this.#log = sealedLog(storage, () => this.#keys());
    return this.#log;
  }

  #keys(): LogKeys {
    const opening = (this.#options.disk()?.keys ?? []).map(parseDiskKey);
    return { opening, sealing: this.#options.lock() === undefined ? undefined : opening[0] };
  }

  /** Follows the record until the scope ends. */
  start(scope: Scope): void {
    const { clock, log } = this.#options;
    scope.run("lock", async (signal) => {
      for (;;) {
        let pauseMs = LOOK_MS;
        try {
          await this.#follow(signal);
        } catch (error) {
          signal.throwIfAborted();
          pauseMs = AGAIN_MS;
          log.debug("this manager's disk doesn't follow the cluster's autolock yet", { error: messageOf(error) });
        }
        await sleep(clock, pauseMs, signal);
      }
    });
  }

  /** Resolves once this node's disk is as the record says that was just changed; or after a while, in any case. */
  async settled(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const late = (): Error => new ClusterError("timeout", "it takes longer");
    try {
      await withDeadline({ clock, limitMs: SETTLE_MS, late, signals: [signal] }, (until) => this.#follow(until));
    } catch (error) {
      log.warn("this manager's disk will follow the cluster's autolock later", { error: messageOf(error) });
    }
  }

  /**
   * Follows once more before this process ends, also what this replica hasn't heard of yet: whoever has locked the cluster
   * and restarts a manager at once finds it locked. Gives up silently after `LAST_LOOK_MS`.
   */
  async lastLook(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const late = (): Error => new ClusterError("timeout", "no quorum has answered");
    this.#followed = undefined;
    try {
      await withDeadline({ clock, limitMs: LAST_LOOK_MS, late, signals: [signal] }, (until) => this.#follow(until));
    } catch (error) {
      log.debug("this manager's disk follows the cluster's autolock after its restart", { error: messageOf(error) });
    }
  }

  /** This node has no manager any more, and its log is wiped. Nothing may open a log meanwhile. */
  async release(): Promise<void> {
    const { lock, disk, keep, log } = this.#options;
    this.#log = undefined;
    this.#followed = undefined;
    if (lock() === undefined && disk() === undefined) return;
    try {
      await keep(undefined, undefined);
      log.info("this node is no manager any more, and will not be locked");
    } catch (error) {
      log.error("this node's identity can't be stored; check the data directory", { error: messageOf(error) });
    }
  }

  /** One at a time; who comes meanwhile looks once more afterwards. */
  async #follow(signal: AbortSignal): Promise<void> {
    while (this.#following !== undefined) await this.#following.catch(() => {});
    this.#following = this.#makeFollow(signal).finally(() => (this.#following = undefined));
    await this.#following;
  }

  async #makeFollow(signal: AbortSignal): Promise<void> {
    const { manager: current, disk, lock, open, log } = this.#options;
    const manager = current();
    const stored = this.#log;
    const local = manager?.view.cluster();
    if (manager === undefined || stored === undefined || local === undefined) return;
    const isWhole = disk()?.whole !== false;
    if (isWhole && this.#followed !== undefined && this.#followed.unlockKey === local.unlockKey) return;
    // A log that is replayed shows what was so once: no old key is to come back.
    const cluster = (await manager.read(signal)).cluster();
    if (cluster === undefined) return;
    const wanted = unlockKeyIn(cluster, open);
    if (wanted === undefined && cluster.unlockKey !== undefined)
      throw new ClusterError("unavailable", "this manager hasn't got the key of the secrets yet, which opens it");
    if (wanted !== lock()) {
      // One that was interrupted is completed first, lest there be more and more keys.
      if ((disk()?.keys.length ?? 0) >= DISK_KEYS_MAX) await this.#renew({ manager, stored, signal });
      if (this.#log !== stored) return;
      await this.#change(wanted);
      log.info(wanted === undefined ? "this manager's disk isn't locked any more" : "this manager's disk is locked");
    }
    this.#followed = { unlockKey: cluster.unlockKey };
    if (disk()?.whole === false) await this.#renew({ manager, stored, signal });
  }

  /** From here on the identity opens with the new key alone, and opens what both have sealed. */
  async #change(wanted: UnlockKey | undefined): Promise<void> {
    const { disk, keep } = this.#options;
    const before = disk()?.keys ?? [];
    const keys = wanted === undefined ? before : [newDiskKey(), ...before];
    await keep(wanted, keys.length === 0 ? undefined : { keys, whole: false });
  }

  /** Replaces what is on the disk in another form than things are written in now, and forgets what only that needed. */
  async #renew(of: {
    readonly manager: Manager;
    readonly stored: SealedLog;
    readonly signal: AbortSignal;
  }): Promise<void> {
    const { lock, disk, keep } = this.#options;
    const { manager, stored, signal } = of;
    const before = disk()?.keys;
    await manager.renewLog(stored.separate(), signal);
    if (this.#log !== stored || disk()?.keys !== before) return;
    if (!stored.snapshotIsFresh()) throw new ClusterError("unavailable", "another snapshot came in between");
    const [first] = before ?? [];
    const isSealed = lock() !== undefined && first !== undefined;
    await keep(lock(), isSealed ? { keys: [first], whole: true } : undefined);
  }
}
