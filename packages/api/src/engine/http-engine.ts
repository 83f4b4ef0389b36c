import { request, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { ClusterError, messageOf, type Clock, type Millis } from "@murmur/base";
import type { Engine, EngineAddress, EngineFacts, EngineRequest } from "../ports.ts";
import { enginePath } from "./engine-path.ts";
import { refusalIn } from "./refusal.ts";

/** How long what a ping said is taken for true: an engine is upgraded rarely. */
const FACTS_MS: Millis = 30_000;
/** How long an engine that didn't answer isn't asked again: it must not hold up everybody's ping. */
const FAILURE_MS: Millis = 2_000;
const ANSWER_MS = 10_000;
const PING_MS = 2_000;
/** `/info`, `/networks`: kilobytes. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer<ArrayBuffer>;
}

/** The container engine over its own HTTP API, for the few questions that the API asks itself. */
export function openEngine(address: EngineAddress, clock: Clock): Engine {
  let known: { readonly facts: EngineFacts | undefined; readonly until: Millis } | undefined;
  let asking: Promise<EngineFacts | undefined> | undefined;

  /** Not bound to one caller's signal: several wait for the same ping, and it ends by itself in `PING_MS`. */
  const askFacts = async (): Promise<EngineFacts | undefined> => {
    const said = await ping(address).catch(() => undefined);
    const facts = said ?? (known?.facts && { ...known.facts, answers: false });
    known = { facts, until: clock.monotonic() + (said === undefined ? FAILURE_MS : FACTS_MS) };
    asking = undefined;
    return facts;
  };

  const engine: Engine = {
    address,
    async facts(signal) {
      signal.throwIfAborted();
      if (known !== undefined && clock.monotonic() < known.until) return known.facts;
      asking ??= askFacts();
      return asking;
    },
    async get(path, signal) {
      const until = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
      const { status, headers, body } = await ask(address, { method: "GET", path }, until);
      const text = body.toString("utf8");
      const isJson = (headers["content-type"] ?? "").startsWith("application/json");
      return { status, body: isJson ? parse(text) : { message: text.trim() } };
    },
    async send(request, signal) {
      const path = await enginePath(engine, request.path);
      const { status, headers, body } = await ask(address, { ...request, path }, signal);
      const type = headers["content-type"];
      // A body of no bytes is still one, which some statuses must not have.
      const init = { status, headers: type === undefined ? {} : { "content-type": type } };
      return new Response(body.byteLength === 0 ? null : body, init);
    },
    async stream(request, signal) {
      const path = await enginePath(engine, request.path);
      const answer = await dial(address, { ...request, path }, signal);
      return { status: answer.statusCode ?? 0, body: piecesOf(answer) };
    },
    async takeOver(request, signal) {
      return takenOver(address, { ...request, path: await enginePath(engine, request.path) }, signal);
    },
  };
  return engine;
}

async function ping(address: EngineAddress): Promise<EngineFacts | undefined> {
  const { status, headers } = await ask(address, { method: "GET", path: "/_ping" }, AbortSignal.timeout(PING_MS));
  const one = (name: string): string | undefined => (Array.isArray(headers[name]) ? headers[name][0] : headers[name]);
  const apiVersion = one("api-version");
  if (status !== 200 || apiVersion === undefined || !/^\d+\.\d+$/.test(apiVersion)) return undefined;
  const experimental = one("docker-experimental") === "true";
  return {
    answers: true,
    apiVersion,
    builderVersion: one("builder-version"),
    experimental,
    osType: one("ostype") ?? "linux",
  };
}

async function ask(address: EngineAddress, asked: EngineRequest, signal: AbortSignal): Promise<Answer> {
  const answer = await dial(address, asked, signal);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const bytes of piecesOf(answer)) {
    size += bytes.byteLength;
    if (size > ANSWER_BYTES_MAX) throw silent(new Error("its answer is too long"));
    chunks.push(bytes);
  }
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) };
}

/** Sends a request; resolves with the head of the answer. */
async function dial(address: EngineAddress, asked: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { method, path, contentType, body } = asked;
  // Not "close": an engine that closes right after its answer makes a write that is late fail, and with it the answer.
  const headers: Record<string, string> = { host: "docker", connection: "keep-alive" };
  if (contentType !== undefined) headers["content-type"] = contentType;
  if (body !== undefined) headers["content-length"] = String(body.byteLength);
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request({ ...address, method, path, headers, agent: false, signal }, resolve);
      outgoing.once("error", reject);
      outgoing.end(body);
    });
    // Aborted while nobody reads, it would report that to nobody, and so end the process.
    answer.on("error", () => {});
    return answer;
  } catch (error) {
    throw silent(error);
  }
}

async function takenOver(address: EngineAddress, asked: EngineRequest, signal: AbortSignal): Promise<Duplex> {
  const { method, path, contentType = "", body } = asked;
  const length = String(body?.byteLength ?? 0);
  const upgrade = { connection: "Upgrade", upgrade: "tcp" };
  const headers = { host: "docker", "content-type": contentType, "content-length": length, ...upgrade };
  const outgoing = request({ ...address, method, path, headers, agent: false, signal });
  const answer = await new Promise<IncomingMessage | Duplex>((resolve, reject) => {
    outgoing.once("upgrade", (_answer, socket, head) => {
      socket.on("error", () => socket.destroy());
      if (head.byteLength > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.once("response", resolve);
    outgoing.on("error", (error) => reject(silent(error)));
    outgoing.end(body);
  });
  if (answer instanceof Duplex) {
    const stop = (): void => void answer.destroy();
    answer.once("close", () => signal.removeEventListener("abort", stop));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    return answer;
  }
  throw await refusalIn(answer.statusCode ?? 0, piecesOf(answer));
}

async function* piecesOf(answer: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of answer) yield piece as Uint8Array;
  } catch (error) {
    throw silent(error);
  }
}

const silent = (cause: unknown): ClusterError =>
  new ClusterError("unavailable", `the container engine doesn't answer: ${messageOf(cause)}`, { cause });

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ClusterError("unavailable", "the container engine's answer is no JSON", { cause: error });
  }
}
