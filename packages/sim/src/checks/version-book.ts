import type { ChangeBatch } from "@murmur/store";
import type { Judge, Named } from "./violation.ts";

/** A whole replica is compared at each so many versions. */
const DIGEST_EVERY = 50;

interface Shown {
  readonly digest: string;
  readonly host: string;
}

/** What replicas have shown of each version: all show the same. */
export class VersionBook {
  readonly #judge: Judge;
  /** Of the changes that one entry made. */
  readonly #changes = new Map<number, Shown>();
  readonly #states = new Map<number, Shown>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /** What one entry changed: what became of each record, in order, and for tasks their states. */
  changed(host: Named, batch: ChangeBatch): void {
    const check = "replicas make the same changes at the same version";
    this.#compare(this.#changes, batch.index, { check, host, digest: shownBy(batch) });
  }

  /** Where a replica stands after a step. Compares the whole state now and then. */
  stands(host: Named, version: number, digest: () => string): void {
    if (version % DIGEST_EVERY === 0 && version > 0) this.whole(host, version, digest);
  }

  /** Compares the whole state. */
  whole(host: Named, version: number, digest: () => string): void {
    const check = "replicas at the same version show the same state";
    this.#compare(this.#states, version, { check, host, digest: digest() });
  }

  #compare(
    known: Map<number, Shown>,
    version: number,
    { check, host, digest }: { readonly check: string; readonly host: Named; readonly digest: string },
  ): void {
    const other = known.get(version);
    if (other === undefined) known.set(version, { digest, host: host.name });
    if (other === undefined || other.digest === digest) return;
    this.#judge.refuse(
      check,
      host,
      `at version ${String(version)} it shows ${digest}`,
      `${other.host} shows ${other.digest}`,
    );
  }
}

function shownBy({ changes }: ChangeBatch): string {
  let text = "";
  for (const change of changes) {
    text += `${change.table} ${change.id} ${change.kind}`;
    if (change.kind === "put" && "version" in change.current) text += ` ${String(change.current.version)}`;
    if (change.table === "tasks" && change.kind === "put") {
      const { nodeId, desiredState, status } = change.current;
      text += ` ${nodeId ?? ""} ${desiredState} ${status.state}`;
    }
    text += ";";
  }
  return text;
}
