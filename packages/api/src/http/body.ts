import { ClusterError } from "@murmur/base";
import { shapeProblem } from "./json-shape.ts";

/** Of a spec, a join request, a filter: everything that is read whole. */
const BODY_BYTES_MAX = 1024 * 1024;
/** A client that takes longer than this to send such a body is gone or hostile. */
const BODY_MS = 10_000;

const invalid = (message: string): ClusterError => new ClusterError("invalid_argument", message);

/** Reads a body as JSON. Errors: `invalid_argument` when it is too long, too slow, or no JSON. */
export async function readJson(request: Request, bytesMax = BODY_BYTES_MAX): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (type !== "" && !/^application\/(?:[\w.-]+\+)?json\s*(;|$)/i.test(type)) {
    throw invalid(`unsupported Content-Type header (${type}): must be 'application/json'`);
  }
  const text = decode(await readBytes(request, bytesMax));
  if (text.trim() === "") throw invalid("invalid JSON: the body is empty");
  let value: unknown;
  try {
    value = JSON.parse(withSafeCounts(text));
  } catch {
    throw invalid("invalid JSON in the body");
  }
  const problem = shapeProblem(value);
  if (problem !== undefined) throw invalid(`invalid JSON in the body: ${problem}`);
  return value;
}

const UINT64_MAX = 2n ** 64n - 1n;

/**
 * Docker's count of forced updates has 64 bits, and clients put the time there (Ansible's, in tenths of microseconds),
 * which is more than a number here holds: one more would be the same. Such a count is taken modulo 2^53: what matters is
 * that it differs from the one before.
 */
const withSafeCounts = (text: string): string =>
  text.replaceAll(/("ForceUpdate"\s*:\s*)(\d{16,20})(?=\s*[,}])/g, (whole, name: string, digits: string) => {
    const count = BigInt(digits);
    return count > UINT64_MAX ? whole : `${name}${String(BigInt.asUintN(53, count))}`;
  });

/** As `readJson`, for bodies that may be left out. */
export async function readOptionalJson(request: Request): Promise<unknown> {
  const length = request.headers.get("content-length");
  if (request.body === null || length === "0") return {};
  return readJson(request);
}

/** The body as it came. Errors: `invalid_argument` when it is too long or too slow. */
export async function readBytes(request: Request, bytesMax = BODY_BYTES_MAX): Promise<Uint8Array<ArrayBuffer>> {
  const announced = request.headers.get("content-length");
  if (Number(announced ?? 0) > bytesMax) throw tooLong(bytesMax);
  // The server holds a body to the length that was announced. Read as a stream it costs more than all else of a request.
  const read: Promise<Uint8Array | ArrayBuffer> =
    announced === null ? readStream(request, bytesMax) : request.arrayBuffer();
  const late = Promise.withResolvers<never>();
  const timeout = setTimeout(() => late.reject(invalid("the body didn't arrive in time")), BODY_MS);
  try {
    const body = new Uint8Array(await Promise.race([read, late.promise]));
    bodies.set(request, body);
    return body;
  } catch (error) {
    throw error instanceof ClusterError ? error : invalid("the body broke off");
  } finally {
    clearTimeout(timeout);
  }
}

/** What was read of each request, for as long as somebody holds the request. */
const bodies = new WeakMap<Request, Uint8Array<ArrayBuffer>>();

/**
 * A request that was answered, to be asked of somebody else: with the body that was read of it. A copy beforehand would make
 * a web stream of each body, which costs more than all else of a request. Undefined where some of the body is gone.
 */
export function askedAgain(request: Request): Request | undefined {
  const body = bodies.get(request);
  if (body === undefined) return request.bodyUsed ? undefined : request;
  const { url, method, headers, signal } = request;
  return new Request(url, { method, headers, body, signal });
}

/** What is sent on as JSON. */
export const bytesOf = (body: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(body));

/** What a body says as JSON; undefined for anything else, and for what is no object of Docker's. */
export function jsonIn(body: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return shapeProblem(value) === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("invalid JSON: the body is not UTF-8");
  }
}

/** For bodies of no announced length: counts what comes. */
async function readStream(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const bytes: Uint8Array = next.value;
    size += bytes.byteLength;
    if (size > bytesMax) throw tooLong(bytesMax);
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

const tooLong = (bytesMax: number): ClusterError => invalid(`the body is longer than ${String(bytesMax)} bytes`);
