import type { Frame } from "@murmur/api";
import type { Clock } from "@murmur/base";

/** How long a log that has nothing to say is waited for while others have. */
const PATIENCE_MS = 100;
const SPACE = 0x20;

interface Head {
  readonly frame: Frame;
  readonly time: string;
}

/** One log that is read a frame ahead. */
interface Reader {
  head: Head | undefined;
  /** Pending while the next frame is read; undefined when it has ended. */
  next: Promise<void> | undefined;
}

/**
 * Several logs as one, a line at a time in the order of their times, which every line has to begin with. Of logs that are
 * followed, what comes later than `PATIENCE_MS` after another's line stands behind it. What isn't a line is let through.
 */
export async function* mergedLogs(
  logs: readonly AsyncIterable<readonly Frame[]>[],
  { clock, follow }: { readonly clock: Clock; readonly follow: boolean },
): AsyncGenerator<Frame, void, undefined> {
  const readers = logs.map((log) => readerOf(log));
  for (;;) {
    const open = readers.flatMap(({ head, next }) => (head === undefined && next !== undefined ? [next] : []));
    const ready = readers.filter(({ head }) => head !== undefined);
    if (open.length === 0 && ready.length === 0) return;
    if (open.length > 0) {
      const all = Promise.all(open);
      if (ready.length === 0) await Promise.race(open);
      else await (follow ? Promise.race([all, patience(clock)]) : all);
      if (ready.length === 0) continue;
    }
    const first = readers.filter(({ head }) => head !== undefined).toSorted(byTime)[0];
    if (first?.head === undefined) continue;
    yield first.head.frame;
    first.head = undefined;
  }
}

/** Reads on as soon as its head was taken. A failure is thrown by whoever waits for it. */
function readerOf(log: AsyncIterable<readonly Frame[]>): Reader {
  const frames = flat(log);
  let head: Head | undefined;
  const reader: Reader = {
    get head() {
      return head;
    },
    set head(value) {
      head = value;
      if (value === undefined) reader.next = read();
    },
    next: undefined,
  };
  const read = async (): Promise<void> => {
    const { value, done } = await frames.next();
    if (done === true) reader.next = undefined;
    else head = { frame: value, time: value.stream > 2 ? "" : timeOf(value.payload) };
  };
  reader.next = read();
  return reader;
}

async function* flat(log: AsyncIterable<readonly Frame[]>): AsyncGenerator<Frame, void, undefined> {
  for await (const frames of log) yield* frames;
}

const byTime = (a: Reader, b: Reader): number => ((a.head?.time ?? "") < (b.head?.time ?? "") ? -1 : 1);

/** RFC 3339 with nanoseconds in UTC: as texts they sort as times. */
const timeOf = (payload: Uint8Array): string => new TextDecoder().decode(payload.subarray(0, payload.indexOf(SPACE)));

const patience = (clock: Clock): Promise<void> =>
  new Promise((resolve) => {
    clock.setTimer(PATIENCE_MS, resolve);
  });

/** Without its time. */
export const withoutTime = ({ stream, payload }: Frame): Frame =>
  stream > 2 ? { stream, payload } : { stream, payload: payload.subarray(payload.indexOf(SPACE) + 1) };
