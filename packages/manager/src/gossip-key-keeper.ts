import { messageOf, sleep, type Clock, type Log, type Millis, type Scope } from "@murmur/base";
import { GOSSIP_KEY_REST_MS, hasGossipKey, isGossipKeyDue, type Command, type NamedGossipKey } from "@murmur/model";
import type { ApplyResult, View } from "@murmur/store";

/** Between two looks: only at one field of the replica while nothing is due. */
const LOOK_MS: Millis = 1_000;
/** How often a rotation that waits says in the log whom for. */
const TELL_MS: Millis = 60_000;
/** Names in such a line. */
const TOLD_MAX = 5;

export interface GossipKeyKeeperOptions {
  readonly view: () => View;
  readonly submit: (commands: readonly Command[]) => Promise<readonly ApplyResult[]>;
  /** Left out: another key comes from users alone. */
  readonly newKey: (() => NamedGossipKey) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The leader's part in the rotation of the key that seals gossip: it begins one when it is due, and takes each next step
 * once all nodes that are up have said that they are ready for it. All else is in the record, so the next leader goes on.
 */
export class GossipKeyKeeper {
  readonly #options: GossipKeyKeeperOptions;
  /** Of the step that waits: nothing is said again before. */
  #tellAgainAt: Millis | undefined;

  constructor(options: GossipKeyKeeperOptions) {
    this.#options = options;
  }

  /** Works until the scope ends. */
  start(scope: Scope): void {
    const { clock, log } = this.#options;
    scope.run("rotation of the gossip key", async (signal) => {
      for (;;) {
        try {
          await this.#look();
        } catch (error) {
          signal.throwIfAborted();
          log.debug("the rotation of the gossip key could not be taken further", { error: messageOf(error) });
        }
        await sleep(clock, LOOK_MS, signal);
      }
    });
  }

  async #look(): Promise<void> {
    const { view, submit, newKey, clock, log } = this.#options;
    const cluster = view().cluster();
    if (cluster === undefined) return;
    const now = clock.now();
    const { rotation } = cluster.gossipKey ?? {};
    if (rotation === undefined) {
      if (newKey === undefined || !isGossipKeyDue(cluster, now)) return;
      await submit([{ kind: "rotateGossipKey", next: newKey(), ifDue: true, now }]);
      return;
    }
    if (now < rotation.steppedAt + GOSSIP_KEY_REST_MS) return;
    const late = view()
      .nodes()
      .filter((node) => !hasGossipKey(rotation, node));
    if (late.length > 0) return this.#tell(late.map(({ id, description }) => description?.hostname ?? id));
    const { name, phase } = rotation;
    const [result] = await submit([{ kind: "advanceGossipKey", name, phase, now }]);
    if (result?.ok !== true) return;
    this.#tellAgainAt = undefined;
    if (phase === "install") log.debug("all nodes have the next gossip key: it seals from now on");
    else log.info("the cluster's gossip is sealed with another key; the one of before is worthless");
  }

  #tell(names: readonly string[]): void {
    const { clock, log } = this.#options;
    const now = clock.monotonic();
    this.#tellAgainAt ??= now + TELL_MS;
    if (now < this.#tellAgainAt) return;
    this.#tellAgainAt = now + TELL_MS;
    log.warn("the rotation of the gossip key waits for nodes", {
      nodes: names.length,
      among: names.slice(0, TOLD_MAX).join(", "),
    });
  }
}
