import { assert, type Log } from "@murmur/base";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Acknowledged } from "./acknowledged.ts";
import { entryBytes } from "./batch-codec.ts";
import { LogShape } from "./log-shape.ts";
import type { Recovered, SnapshotMeta, StoredEntry, WriteBatch } from "./log-storage.ts";
import { LogWriter, type LogState, type LogWriterLimits, type SegmentInfo } from "./log-writer.ts";
import { fitToSnapshot, replay, type FittedLog, type ReplayedLog } from "./replay.ts";
import { segmentFiles } from "./segment-files.ts";
import { scanSegment, segmentName, segmentSequence, type ScannedSegment } from "./segment.ts";
import { SnapshotStore } from "./snapshot-store.ts";

export interface EpochOptions {
  readonly directory: string;
  readonly log: Log;
  readonly limits: LogWriterLimits;
  /** Of a new one: how far the log before it reached. */
  readonly reached?: number;
}

/** Nothing new is wrong: the log was emptied, or damaged, before, and does not reach so far again yet. */
const NOT_BACK = "the log was longer once";

/** One directory with a log and its snapshots: all that is stored between two resets. */
export class Epoch implements AsyncDisposable {
  readonly directory: string;
  readonly recovered: Recovered;
  readonly shape: LogShape;
  readonly writer: LogWriter;
  readonly snapshots: SnapshotStore;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    parts: Pick<Epoch, "directory" | "recovered" | "shape" | "writer" | "snapshots">,
    resources: AsyncDisposableStack,
  ) {
    this.directory = parts.directory;
    this.recovered = parts.recovered;
    this.shape = parts.shape;
    this.writer = parts.writer;
    this.snapshots = parts.snapshots;
    this.#resources = resources;
  }

  static async open(options: EpochOptions): Promise<Epoch> {
    const { directory, log, limits } = options;
    await using resources = new AsyncDisposableStack();
    const acknowledged = resources.use(await Acknowledged.open(join(directory, "acknowledged")));
    const scanned = await scanAll(directory);
    const replayed = replay(
      [...scanned.values()].flatMap((segment) => segment.batches),
      acknowledged.atOpen,
    );
    let epoch: Epoch | undefined;
    const onCurrent = async (meta: SnapshotMeta): Promise<void> => epoch?.restartUnlessHolding(meta);
    const { store: snapshots, damaged } = await SnapshotStore.open({ directory, log, onCurrent });
    const known = replayed.intact && replayed.lost > replayed.last;
    const reason = damaged ?? (known ? NOT_BACK : `the log in ${directory} failed its checksums`);
    const fitted = fitToSnapshot(replayed, snapshots.current, reason);
    const { hardState } = replayed;
    const shape = new LogShape(hardState, fitted.compacted, fitted.damage?.lastIndex ?? options.reached ?? 0);
    shape.append(fitted.entries);

    const files = segmentFiles({ directory, segmentBytes: limits.segmentBytes, log });
    const found = [...scanned.keys()];
    await files.remove(found.filter((sequence) => sequence >= replayed.nextSequence));
    const writer = resources.use(
      new LogWriter({
        ...options,
        files,
        acknowledged,
        nextSequence: replayed.nextSequence,
        ...resumption(scanned, replayed, fitted),
      }),
    );
    // Closed before the writer: what becomes current still has to be noted in the log.
    resources.use(snapshots);
    if (fitted.damage !== undefined && fitted.damage.reason !== NOT_BACK)
      log.error("entries of the log are damaged; they have to come from other managers", { ...fitted.damage });
    if (needsRewrite(replayed, fitted)) {
      log.warn("the log is written anew, because parts of it cannot be read", { entries: fitted.entries.length });
      await rewrite(writer, shape, fitted.entries);
      await files.remove(found.filter((sequence) => sequence < replayed.nextSequence));
    }
    const recovered = recoveredOf(shape, fitted, snapshots.current);
    epoch = new Epoch({ directory, recovered, shape, writer, snapshots }, resources.move());
    return epoch;
  }

  async write({ hardState, entries = [] }: WriteBatch): Promise<void> {
    const refusal = this.writer.refusal(entries);
    if (refusal !== undefined) throw refusal;
    assert(
      (entries[0]?.index ?? Infinity) > (this.snapshots.current?.index ?? 0),
      "a write touches what a snapshot covers",
    );
    if (hardState !== undefined) this.shape.setHardState(hardState);
    this.shape.append(entries);
    await this.writer.append(stateOf(this.shape), entries);
  }

  async compact(throughIndex: number): Promise<void> {
    // Done again it is not for nothing: files may be left from before a crash, or have been separated since.
    if (throughIndex < this.shape.compacted || throughIndex === 0) return;
    assert(throughIndex <= (this.snapshots.current?.index ?? 0), "compaction ends within the snapshot");
    const refusal = this.writer.refusal([]);
    if (refusal !== undefined) throw refusal;
    this.shape.compact(throughIndex);
    await this.writer.append(stateOf(this.shape), []);
    await this.writer.removeThrough(throughIndex);
  }

  /** Raft's rule for a new snapshot: the log stays if it holds the snapshot's last entry, else it starts anew after it. */
  async restartUnlessHolding(meta: SnapshotMeta): Promise<void> {
    if (this.shape.holds(meta)) return;
    this.shape.restartAfter(meta.index);
    await this.writer.append(stateOf(this.shape), []);
    await this.writer.removeThrough(meta.index);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** The log's files by the sequence of their first batch, oldest first. */
async function scanAll(directory: string): Promise<Map<number, ScannedSegment>> {
  const names = await readdir(directory);
  const sequences = names.map(segmentSequence).filter((sequence) => sequence !== undefined);
  const scanned = new Map<number, ScannedSegment>();
  for (const sequence of sequences.sort((a, b) => a - b))
    scanned.set(sequence, scanSegment(await readFile(join(directory, segmentName(sequence)))));
  return scanned;
}

const needsRewrite = (replayed: ReplayedLog, fitted: FittedLog): boolean =>
  !replayed.intact || fitted.damage !== undefined;

/** Which files the writer goes on with, and where. After damage it begins a new one, and the rest is rewritten. */
function resumption(
  scanned: ReadonlyMap<number, ScannedSegment>,
  replayed: ReplayedLog,
  fitted: FittedLog,
): { segments: SegmentInfo[]; resumeAt?: number } {
  if (needsRewrite(replayed, fitted)) return { segments: [] };
  const kept = [...scanned].filter(([sequence]) => sequence < replayed.nextSequence);
  const segments = kept.map(([sequence, { batches }]) => {
    const lasts = batches.map(({ header }) => (header.entries > 0 ? header.last : 0));
    return { sequence, maxIndex: Math.max(0, ...lasts) };
  });
  const active = kept.at(-1)?.[1];
  return active?.clean === true && active.batches.at(-1)?.complete === true
    ? { segments, resumeAt: active.end }
    : { segments };
}

/** Writes what is left of a damaged log anew, so that nothing that comes later depends on unreadable batches. */
async function rewrite(writer: LogWriter, shape: LogShape, entries: readonly StoredEntry[]): Promise<void> {
  const piece: StoredEntry[] = [];
  let bytes = 0;
  const last = (): number => piece.at(-1)?.index ?? shape.last;
  for (const entry of entries) {
    piece.push(entry);
    bytes += entryBytes(entry);
    if (bytes < REWRITE_BYTES) continue;
    await writer.append({ ...stateOf(shape), last: last() }, piece.splice(0));
    bytes = 0;
  }
  await writer.append(stateOf(shape), piece);
}

const REWRITE_BYTES = 2 ** 20;

function stateOf(shape: LogShape): LogState {
  const { hardState, compacted, last, lost } = shape;
  return { ...hardState, compacted, last, lost };
}

function recoveredOf(shape: LogShape, fitted: FittedLog, snapshot: SnapshotMeta | undefined): Recovered {
  const commit = Math.max(Math.min(shape.hardState.commit, shape.last), snapshot?.index ?? 0);
  return {
    hardState: { ...shape.hardState, commit },
    entries: fitted.entries,
    ...(snapshot !== undefined && { snapshot }),
    ...(fitted.damage !== undefined && { damage: fitted.damage }),
  };
}
