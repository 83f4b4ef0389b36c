import { messageOf, sleep, type Clock, type Log, type Millis, type Scope } from "@murmur/base";
import { isReadyFor, type InternalCommand } from "@murmur/model";
import type { ApplyResult, View } from "@murmur/store";

/** Between two looks: only at one field of the replica while no root is rotated. */
const LOOK_MS: Millis = 200;
/** How often a rotation that waits says in the log whom for. */
const TELL_MS: Millis = 60_000;
/** Names in such a line. */
const TOLD_MAX = 5;

export interface RotationKeeperOptions {
  readonly view: () => View;
  readonly submit: (commands: readonly InternalCommand[]) => Promise<readonly ApplyResult[]>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The leader's part in the rotation of the cluster's root: it takes the next step once all nodes have said that they are
 * ready for it. All else is in the record, so the next leader goes on.
 */
export class RotationKeeper {
  readonly #options: RotationKeeperOptions;
  /** Of the rotation that waits: nothing is said again before. */
  #tellAgainAt: Millis = 0;

  constructor(options: RotationKeeperOptions) {
    this.#options = options;
  }

  /** Works until the scope ends. */
  start(scope: Scope): void {
    const { clock, log } = this.#options;
    scope.run("rotation of the root", async (signal) => {
      for (;;) {
        try {
          await this.#advance();
        } catch (error) {
          signal.throwIfAborted();
          log.debug("the rotation of the root could not be taken further", { error: messageOf(error) });
        }
        await sleep(clock, LOOK_MS, signal);
      }
    });
  }

  async #advance(): Promise<void> {
    const { view, submit, clock, log } = this.#options;
    const rotation = view().cluster()?.rotation;
    if (rotation === undefined) return;
    const { root, phase } = rotation;
    const late = view()
      .nodes()
      .filter(({ certificate }) => !isReadyFor(rotation, certificate));
    if (late.length > 0) return this.#tell(late.map(({ id, description }) => description?.hostname ?? id));
    const [result] = await submit([{ kind: "advanceRotation", root, phase, now: clock.now() }]);
    if (result?.ok !== true) return;
    this.#tellAgainAt = 0;
    if (phase === "trust") log.info("all nodes trust the cluster's next root: they get certificates of it");
    else log.info("the rotation of the cluster's root has ended: join tokens are others from now on");
  }

  #tell(names: readonly string[]): void {
    const { clock, log } = this.#options;
    const now = clock.monotonic();
    if (this.#tellAgainAt === 0) this.#tellAgainAt = now + TELL_MS;
    if (now < this.#tellAgainAt) return;
    this.#tellAgainAt = now + TELL_MS;
    log.warn("the rotation of the cluster's root waits for nodes", {
      nodes: names.length,
      among: names.slice(0, TOLD_MAX).join(", "),
    });
  }
}
