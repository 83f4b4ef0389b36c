import { request, type IncomingMessage } from "node:http";
import { ClusterError, messageOf, type Clock, type Millis } from "@murmur/base";
import type { Engine, EngineAddress, EngineFacts } from "../ports.ts";

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
  readonly text: string;
}

/** The container engine over its own HTTP API, for the few questions that the API asks itself. */
export function openEngine(address: EngineAddress, clock: Clock): Engine {
  let known: { readonly facts: EngineFacts | undefined; readonly until: Millis } | undefined;
  let asking: Promise<EngineFacts | undefined> | undefined;

  /** Not bound to one caller's signal: several wait for the same ping, and it ends by itself in `PING_MS`. */
  const askFacts = async (): Promise<EngineFacts | undefined> => {
    const facts = await ping(address).catch(() => undefined);
    known = { facts, until: clock.monotonic() + (facts === undefined ? FAILURE_MS : FACTS_MS) };
    asking = undefined;
    return facts;
  };

  return {
    address,
    async facts(signal) {
      signal.throwIfAborted();
      if (known !== undefined && clock.monotonic() < known.until) return known.facts;
      asking ??= askFacts();
      return asking;
    },
    async get(path, signal) {
      const { status, headers, text } = await ask(
        address,
        path,
        AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      );
      const isJson = (headers["content-type"] ?? "").startsWith("application/json");
      return { status, body: isJson ? parse(text) : { message: text.trim() } };
    },
  };
}

async function ping(address: EngineAddress): Promise<EngineFacts | undefined> {
  const { status, headers } = await ask(address, "/_ping", AbortSignal.timeout(PING_MS));
  const one = (name: string): string | undefined => (Array.isArray(headers[name]) ? headers[name][0] : headers[name]);
  const apiVersion = one("api-version");
  if (status !== 200 || apiVersion === undefined || !/^\d+\.\d+$/.test(apiVersion)) return undefined;
  return { apiVersion, builderVersion: one("builder-version"), osType: one("ostype") ?? "linux" };
}

async function ask(address: EngineAddress, path: string, signal: AbortSignal): Promise<Answer> {
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request({ ...address, path, headers: { host: "docker" }, agent: false, signal }, resolve);
      outgoing.once("error", reject);
      outgoing.end();
    });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer) {
      const bytes = chunk as Uint8Array;
      size += bytes.byteLength;
      if (size > ANSWER_BYTES_MAX) throw new Error("its answer is too long");
      chunks.push(bytes);
    }
    return { status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString("utf8") };
  } catch (error) {
    throw new ClusterError("unavailable", `the container engine doesn't answer: ${messageOf(error)}`, { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ClusterError("unavailable", "the container engine's answer is no JSON", { cause: error });
  }
}
