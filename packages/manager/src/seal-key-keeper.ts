import { messageOf, sleep, type Clock, type Log, type Millis, type NodeId, type Scope } from "@murmur/base";
import {
  RESEALED_CHARS_MAX,
  RESEALED_MAX,
  sealedOtherwise,
  sealStart,
  type Command,
  type ResealedThing,
  type SealKeyState,
} from "@murmur/model";
import type { ApplyResult, View } from "@murmur/store";
import type { SealKeys } from "./ports.ts";

/** Between two looks: only at one field of the replica while no key is replaced. */
const LOOK_MS: Millis = 1_000;
/** How often a rotation that waits says so in the log. */
const TELL_MS: Millis = 60_000;
/** Names in such a line. */
const TOLD_MAX = 5;

export interface SealKeyKeeperOptions {
  readonly view: () => View;
  readonly submit: (commands: readonly Command[]) => Promise<readonly ApplyResult[]>;
  /** All managers, this one too. */
  readonly managers: () => readonly NodeId[];
  readonly keys: SealKeys;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The leader's part in the rotation of the key of secrets: once all managers have the next one, everything new is sealed
 * with it, and then, batch by batch, everything that another key has sealed. All else is in the record, so the next leader
 * goes on.
 */
export class SealKeyKeeper {
  readonly #options: SealKeyKeeperOptions;
  /** Of the step that waits: nothing is said again before. */
  #tellAgainAt: Millis | undefined;

  constructor(options: SealKeyKeeperOptions) {
    this.#options = options;
  }

  /** Works until the scope ends. */
  start(scope: Scope): void {
    const { clock, log } = this.#options;
    scope.run("rotation of the key of secrets", async (signal) => {
      for (;;) {
        try {
          while (await this.#step(signal)) signal.throwIfAborted();
        } catch (error) {
          signal.throwIfAborted();
          log.debug("the rotation of the key of secrets could not be taken further", { error: messageOf(error) });
        }
        await sleep(clock, LOOK_MS, signal);
      }
    });
  }

  /** Whether there may be more to do at once. */
  async #step(signal: AbortSignal): Promise<boolean> {
    const { view, log } = this.#options;
    const { sealKey } = view().cluster() ?? {};
    if (sealKey?.phase === undefined) return false;
    if (sealKey.phase === "hold") {
      const late = await this.#managersWithout(sealKey, signal);
      if (late.length === 0) return this.#advance(sealKey);
      this.#tell("managers don't have the next key of secrets yet", late);
      return false;
    }
    const left = sealedOtherwise(view(), sealKey);
    if (left.length === 0) {
      if (await this.#advance(sealKey)) log.info("all secrets are sealed with another key");
      return false;
    }
    const things = this.#nextBatch(sealKey);
    if (things.length === 0) {
      const names = left.map(({ name }) => name);
      this.#tell("no manager's key opens what is to be sealed anew: remove it, and make it again", names);
      return false;
    }
    return this.#submit({ kind: "reseal", things, now: this.#options.clock.now() });
  }

  #advance({ digest, phase }: SealKeyState): Promise<boolean> {
    this.#tellAgainAt = undefined;
    if (phase === undefined) return Promise.resolve(false);
    return this.#submit({ kind: "advanceSealKey", digest, phase, now: this.#options.clock.now() });
  }

  async #submit(command: Command): Promise<boolean> {
    const [result] = await this.#options.submit([command]);
    return result?.ok === true;
  }

  /** Bounded by number and size; a large one goes alone. */
  #nextBatch(sealKey: SealKeyState): readonly ResealedThing[] {
    const { view, keys } = this.#options;
    const things: ResealedThing[] = [];
    let chars = 0;
    for (const { place, of, id, sealed: before } of sealedOtherwise(view(), sealKey)) {
      if (things.length === RESEALED_MAX || (things.length > 0 && chars + before.length > RESEALED_CHARS_MAX)) break;
      const sealed = keys.sealAnew({ id, sealed: before });
      if (sealed === undefined) continue;
      chars += sealed.length;
      things.push({ place, of, from: sealStart(before), sealed });
    }
    return things;
  }

  /** Those that don't say count, too. */
  async #managersWithout({ digest }: SealKeyState, signal: AbortSignal): Promise<readonly string[]> {
    const { managers, keys, view } = this.#options;
    const late: string[] = [];
    for (const id of managers()) {
      const has = await keys.has(id, digest, signal).catch(() => false);
      signal.throwIfAborted();
      if (!has) late.push(view().node(id)?.description?.hostname ?? id);
    }
    return late;
  }

  #tell(what: string, names: readonly string[]): void {
    const { clock, log } = this.#options;
    const now = clock.monotonic();
    this.#tellAgainAt ??= now + TELL_MS;
    if (now < this.#tellAgainAt) return;
    this.#tellAgainAt = now + TELL_MS;
    log.warn(`the rotation of the key of secrets waits: ${what}`, {
      number: names.length,
      among: names.slice(0, TOLD_MAX).join(", "),
    });
  }
}
