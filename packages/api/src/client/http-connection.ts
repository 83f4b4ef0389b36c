import { Agent, request as plainRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { Duplex, Readable } from "node:stream";
import { ClusterError, messageOf } from "@murmur/base";
import { codeOfAnswer, ERROR_CODE_HEADER } from "../error-status.ts";
import type { ClientTls } from "./client-options.ts";
import type { DaemonAddress } from "./daemon-address.ts";

export interface CallOptions {
  readonly method?: "GET" | "HEAD" | "POST" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, in place of `body`, as fast as the daemon takes it. */
  readonly bytes?: AsyncIterable<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the whole answer; for a stream: until its head is there. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** More than any answer of a cluster of the size that Murmur is for; what is bigger is a mistake. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

const AGENT_OPTIONS = { keepAlive: true, maxSockets: 16 };

/** HTTP over the daemon's socket with node:http alone: nothing to load, so the command line starts at once. */
export class HttpConnection implements Disposable {
  readonly #address: DaemonAddress;
  readonly #timeoutMs: number;
  readonly #tls: ClientTls | undefined;
  readonly #request: typeof plainRequest;
  readonly #agent: Agent;

  constructor(address: DaemonAddress, options: { readonly timeoutMs: number; readonly tls?: ClientTls | undefined }) {
    this.#address = address;
    this.#timeoutMs = options.timeoutMs;
    this.#tls = "socketPath" in address ? undefined : options.tls;
    // Loaded only for who needs it: a short command spends its time on loading.
    const https = this.#tls === undefined ? undefined : process.getBuiltinModule("node:https");
    this.#request = https?.request ?? plainRequest;
    this.#agent = https === undefined ? new Agent(AGENT_OPTIONS) : new https.Agent(AGENT_OPTIONS);
  }

  /** One request and its whole answer, parsed as JSON where it is JSON. An answer of 400 and above is thrown. */
  async call(path: string, options: CallOptions = {}): Promise<unknown> {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
    try {
      const answer = await this.#send(path, options, signal);
      const text = await readAll(answer);
      if ((answer.statusCode ?? 0) >= 400) throw refusal(answer, text);
      return isJson(answer) && text !== "" ? parseJson(text) : text;
    } catch (error) {
      throw this.#explain(error, timeout.aborted ? timeoutMs : undefined, options.signal);
    }
  }

  /** One request whose answer is read as it comes. The signal, or destroying the answer, ends it. */
  async stream(path: string, options: CallOptions & { readonly signal: AbortSignal }): Promise<IncomingMessage> {
    const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
    const head = new AbortController();
    const timer = setTimeout(() => head.abort(), timeoutMs);
    try {
      const answer = await this.#send(path, options, AbortSignal.any([options.signal, head.signal]));
      if ((answer.statusCode ?? 0) >= 400) throw refusal(answer, await readAll(answer));
      // Ended by the signal while nobody reads it, it would report that to nobody, and so end the process.
      answer.on("error", () => {});
      return answer;
    } catch (error) {
      throw this.#explain(error, head.signal.aborted ? timeoutMs : undefined, options.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A request that takes its connection over; resolves with that once the daemon has agreed. The signal ends it. */
  async takeOver(path: string, { signal }: { readonly signal: AbortSignal }): Promise<Duplex> {
    const headers = { host: "murmur", connection: "Upgrade", upgrade: "tcp", "content-length": "0" };
    const outgoing = this.#request({ ...this.#target(), path, method: "POST", headers, agent: false });
    const stop = (): void => void outgoing.destroy(abortError(signal));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const timer = setTimeout(() => outgoing.destroy(new Error("no answer")), this.#timeoutMs);
    try {
      const answer = await new Promise<IncomingMessage | Duplex>((resolve, reject) => {
        outgoing.once("upgrade", (_answer, socket, head) => {
          socket.on("error", () => socket.destroy());
          signal.addEventListener("abort", () => socket.destroy(), { once: true });
          if (head.byteLength > 0) socket.unshift(head);
          resolve(socket);
        });
        outgoing.once("response", resolve);
        outgoing.on("error", reject);
        outgoing.end();
      });
      if (answer instanceof Duplex) return answer;
      throw refusal(answer, await readAll(answer));
    } catch (error) {
      throw this.#explain(error, undefined, signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #send(path: string, options: CallOptions, signal: AbortSignal): Promise<IncomingMessage> {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    const headers: Record<string, string> = { host: "murmur", ...options.headers };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      headers["content-length"] = String(Buffer.byteLength(body));
    }
    if (options.bytes !== undefined) headers["content-type"] = "application/octet-stream";
    return new Promise((resolve, reject) => {
      const outgoing: ClientRequest = this.#request(
        { ...this.#target(), path, method: options.method ?? "GET", headers, agent: this.#agent },
        (answer) => {
          // Not given to `request`: a socket that was kept for the next one would stay bound to this signal.
          const onAbort = (): void => void answer.destroy(abortError(signal));
          answer.once("close", () => signal.removeEventListener("abort", onAbort));
          signal.addEventListener("abort", onAbort, { once: true });
          resolve(answer);
        },
      );
      const onAbort = (): void => void outgoing.destroy(abortError(signal));
      outgoing.once("close", () => signal.removeEventListener("abort", onAbort));
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      outgoing.on("error", reject);
      if (options.bytes === undefined) outgoing.end(body);
      else sendBytes(options.bytes, outgoing);
    });
  }

  /** Where to connect to, and how. The name in the certificate is that of the address, not of the header `host`. */
  #target() {
    if ("socketPath" in this.#address) return { socketPath: this.#address.socketPath };
    const { host, port } = this.#address;
    return this.#tls === undefined ? { host, port } : { host, port, servername: isIP(host) ? "" : host, ...this.#tls };
  }

  /** Turns what node:http throws into a line that says what to do. */
  #explain(error: unknown, timedOutMs: number | undefined, caller: AbortSignal | undefined): ClusterError {
    if (error instanceof ClusterError) return error;
    if (caller?.aborted === true) return new ClusterError("cancelled", "cancelled", { cause: error });
    const where = this.#address.text;
    if (timedOutMs !== undefined) {
      const seconds = (timedOutMs / 1000).toFixed(timedOutMs < 1000 ? 1 : 0);
      return new ClusterError("timeout", `the Murmur daemon at ${where} didn't answer within ${seconds} s`, {
        cause: error,
      });
    }
    const hint = this.#hint(error instanceof Error && "code" in error ? String(error.code) : "");
    return new ClusterError("unavailable", hint ?? `can't talk to the Murmur daemon at ${where}: ${messageOf(error)}`, {
      cause: error,
    });
  }

  #hint(code: string): string | undefined {
    const where = this.#address.text;
    const hints: Readonly<Record<string, string>> =
      "socketPath" in this.#address
        ? {
            ENOENT: `the Murmur daemon isn't running at ${where}: start it with \`murmur daemon\``,
            ECONNREFUSED: `the Murmur daemon isn't running at ${where}: start it with \`murmur daemon\``,
            ENOTSOCK: `${where} is not a socket: check --socket`,
            EACCES: `no permission to use ${where}: run as root or as a member of the socket's group`,
            ECONNRESET: `the Murmur daemon at ${where} closed the connection: look at its log`,
          }
        : {
            ECONNREFUSED: `nobody listens at ${where}: start the daemon there with --api-addr`,
            ECONNRESET:
              this.#tls === undefined
                ? `${where} closed the connection: a Murmur daemon wants TLS there, give --tlsverify`
                : `${where} closed the connection: it may not know the authority of --tlscert; its log says`,
          };
    return hints[code];
  }
}

/** An answer that comes before all was sent is the daemon's refusal: it counts, and the rest is not sent. */
function sendBytes(bytes: AsyncIterable<Uint8Array>, outgoing: ClientRequest): void {
  const source = Readable.from(bytes);
  outgoing.once("response", () => source.unpipe(outgoing));
  outgoing.once("close", () => source.destroy());
  source.once("error", (error) => outgoing.destroy(error));
  source.pipe(outgoing);
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > ANSWER_BYTES_MAX) throw new ClusterError("internal", "the daemon's answer is too long");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const abortError = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error("aborted");

const isJson = (answer: IncomingMessage): boolean =>
  (answer.headers["content-type"] ?? "").startsWith("application/json");

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ClusterError("internal", "the daemon's answer is no JSON", { cause: error });
  }
}

function refusal(answer: IncomingMessage, text: string): ClusterError {
  const header = answer.headers[ERROR_CODE_HEADER];
  const status = answer.statusCode ?? 0;
  const code = codeOfAnswer(typeof header === "string" ? header : undefined, status);
  return new ClusterError(
    code,
    messageIn(text) ?? (text.trim() || `the daemon answered with status ${String(status)}`),
  );
}

function messageIn(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null || !("message" in body)) return undefined;
    return typeof body.message === "string" ? body.message : undefined;
  } catch {
    return undefined;
  }
}
