import type { Manager } from "@murmur/manager";
import type { Service } from "@murmur/model";
import type { Watch } from "@murmur/store";
import { checkWatch, type LoggedChange, type WatchRecord } from "../history/watch-check.ts";
import type { Host } from "../world/host.ts";
import type { Observer } from "../world/observer.ts";
import { WRITE_LABEL } from "./specs.ts";

/** Changes that wait for one watcher: so few that it is told to begin anew now and then. */
const WAITING_MAX = 24;
/** A watcher is slow: it looks once in so many steps of its host. */
const STEPS_BETWEEN_LOOKS = 40;

interface Stream {
  readonly watch: Watch;
  readonly records: WatchRecord[];
}

/**
 * Watches the services on every manager, fast and slowly. What the fast ones see makes the log of changes, the same on
 * all managers; what the slow ones were told must agree with it.
 */
export class Watchers implements Observer {
  readonly #log = new Map<number, readonly LoggedChange[]>();
  readonly #following = new Map<Manager, { readonly fast: Watch; slow: Stream; steps: number }>();
  readonly #ended: Stream[] = [];

  stepped(host: Host): void {
    const manager = host.manager;
    if (manager === undefined) return;
    const follower = this.#following.get(manager) ?? this.#follow(manager);
    this.#record(host, follower.fast);
    follower.steps += 1;
    if (follower.steps % STEPS_BETWEEN_LOOKS === 0) this.#look(manager, follower.slow);
  }

  /** What is wrong with what was told; empty when nothing is. */
  problems(): readonly string[] {
    const log = [...this.#log].toSorted(([left], [right]) => left - right).flatMap(([, changes]) => changes);
    const streams = [...this.#ended, ...[...this.#following.values()].map(({ slow }) => slow)];
    return streams.flatMap(({ records }) => {
      const problem = checkWatch(records, { log });
      return problem === undefined ? [] : [`a watch: ${problem.message}`];
    });
  }

  #follow(manager: Manager): { readonly fast: Watch; slow: Stream; steps: number } {
    const fast = manager.watch({ limit: 100_000 });
    const slow: Stream = { watch: manager.watch({ limit: WAITING_MAX }), records: [] };
    slow.records.push(snapshotOf(manager));
    const follower = { fast, slow, steps: 0 };
    this.#following.set(manager, follower);
    return follower;
  }

  /** Every manager tells the same of the same version. */
  #record(host: Host, fast: Watch): void {
    const waiting = fast.drain();
    if (waiting.kind === "resync") return;
    for (const { index, changes } of waiting.batches) {
      const logged = changes.flatMap((change): LoggedChange[] =>
        change.table === "services" ? [{ version: index, id: change.id, value: valueOf(change.current) }] : [],
      );
      if (logged.length === 0) continue;
      const before = this.#log.get(index);
      if (before === undefined) this.#log.set(index, logged);
      else if (JSON.stringify(before) !== JSON.stringify(logged)) {
        throw new Error(
          `${host.name}: version ${String(index)} is ${JSON.stringify(logged)} here and ${JSON.stringify(before)} elsewhere`,
        );
      }
    }
  }

  #look(manager: Manager, { watch, records }: Stream): void {
    const waiting = watch.drain();
    if (waiting.kind === "resync") {
      records.push({ kind: "resync" }, snapshotOf(manager));
      return;
    }
    for (const { index, changes } of waiting.batches) {
      for (const change of changes) {
        if (change.table !== "services") continue;
        const value = valueOf(change.current);
        records.push({ kind: "change", change: { version: index, id: change.id, value } });
      }
    }
  }
}

const valueOf = (service: Service | undefined): string | undefined =>
  service &&
  `${service.spec.labels[WRITE_LABEL] ?? ""} of ${String(service.version)}${service.removing === true ? ", removing" : ""}`;

const snapshotOf = ({ view }: Manager): WatchRecord => ({
  kind: "snapshot",
  version: view.version,
  objects: new Map(view.services().map((service) => [service.id, valueOf(service) ?? ""])),
});
