import { readFrames, type Frame } from "./frames.ts";
import { cutWord, type LogLine } from "./log-entry.ts";

/** A terminal's output may go on without an end of line: it is cut here. */
const LINE_BYTES_MAX = 64 * 1024;
const NEWLINE = 0x0a;

export interface ContainerLogForm {
  readonly task: string;
  /** Whether the container has a terminal: then the engine sends lines, not frames. */
  readonly tty: boolean;
  /** Whether the engine was asked for details. */
  readonly details: boolean;
}

/** The lines of an engine's answer to `/containers/ID/logs?timestamps=1…`. Errors: `corrupt`. */
export async function* containerLines(
  pieces: AsyncIterable<Uint8Array>,
  form: ContainerLogForm,
): AsyncGenerator<readonly LogLine[], void, undefined> {
  const frames = form.tty ? readTerminal(pieces) : readFrames(pieces);
  for await (const batch of frames) yield batch.map((frame) => lineOf(frame, form));
}

function lineOf({ stream, payload }: Frame, { task, details }: ContainerLogForm): LogLine {
  const kind = stream === 2 ? "stderr" : "stdout";
  const [at, rest] = cutWord(payload);
  if (!details) return { kind, task, at, details: "", text: rest };
  const [said, text] = cutWord(rest);
  return { kind, task, at, details: said, text };
}

/** A terminal's lines, each with its end, as frames of standard output. */
async function* readTerminal(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Frame[], void, undefined> {
  let rest: Uint8Array = new Uint8Array();
  for await (const piece of pieces) {
    const bytes = rest.byteLength === 0 ? piece : Buffer.concat([rest, piece]);
    const frames: Frame[] = [];
    let at = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
      frames.push({ stream: 1, payload: bytes.subarray(at, end + 1) });
      at = end + 1;
    }
    rest = bytes.subarray(at);
    if (rest.byteLength > LINE_BYTES_MAX) {
      frames.push({ stream: 1, payload: rest });
      rest = new Uint8Array();
    }
    if (frames.length > 0) yield frames;
  }
  if (rest.byteLength > 0) yield [{ stream: 1, payload: rest }];
}
