import { ClusterError } from "@murmur/base";

/** Of a spec, a join request, a filter: everything that is read whole. */
const BODY_BYTES_MAX = 1024 * 1024;
/** A client that takes longer than this to send such a body is gone or hostile. */
const BODY_MS = 10_000;

const invalid = (message: string): ClusterError => new ClusterError("invalid_argument", message);

/** Reads a body as JSON. Errors: `invalid_argument` when it is too long, too slow, or no JSON. */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (type !== "" && !/^application\/(?:[\w.-]+\+)?json\s*(;|$)/i.test(type)) {
    throw invalid(`unsupported Content-Type header (${type}): must be 'application/json'`);
  }
  const text = await readText(request);
  if (text.trim() === "") throw invalid("invalid JSON: the body is empty");
  try {
    return JSON.parse(text);
  } catch {
    throw invalid("invalid JSON in the body");
  }
}

/** As `readJson`, for bodies that may be left out. */
export async function readOptionalJson(request: Request): Promise<unknown> {
  const length = request.headers.get("content-length");
  if (request.body === null || length === "0") return {};
  return readJson(request);
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > BODY_BYTES_MAX) throw tooLong();
  if (request.body === null) return "";
  const reader = request.body.getReader();
  const timeout = setTimeout(() => {
    // Rejects the read that waits; there is nobody else to tell.
    reader.cancel(invalid("the body didn't arrive in time")).catch(() => {});
    late = true;
  }, BODY_MS);
  let late = false;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let size = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const bytes: Uint8Array = next.value;
      size += bytes.byteLength;
      if (size > BODY_BYTES_MAX) throw tooLong();
      text += decoder.decode(bytes, { stream: true });
    }
    if (late) throw invalid("the body didn't arrive in time");
    return text + decoder.decode();
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    throw error instanceof TypeError ? invalid("invalid JSON: the body is not UTF-8") : invalid("the body broke off");
  } finally {
    clearTimeout(timeout);
  }
}

const tooLong = (): ClusterError => invalid(`the body is longer than ${String(BODY_BYTES_MAX)} bytes`);
