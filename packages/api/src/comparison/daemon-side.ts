import { Agent, request, type IncomingHttpHeaders } from "node:http";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { GivenIds } from "./given-ids.ts";
import type { Step } from "./step.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed where it is JSON, else the text. */
  readonly body: unknown;
}

/** The newest that the engine of the comparison speaks. */
const VERSION = "1.41";
/** Also how long a daemon may keep one out, and change what is to be changed. */
const UNTIL_LIMIT_MS = 60_000;
const POLL_MS = 50;
/** Of all objects that others mention by their ids. */
const LISTS = ["nodes", "networks", "services", "tasks"] as const;
/** A connection that was idle for longer isn't used again. Shorter than any daemon keeps one. */
const IDLE_MAX_MS = 30_000;

export interface DaemonSideOptions {
  /** It changes objects by itself for a moment after they were made, as Docker does: an update may come too late for its version. */
  readonly completesLater?: boolean;
  /** Its requests follow one another on one connection; else each has its own. */
  readonly keepsConnection?: boolean;
}

/** One of the two daemons, with what the script has kept of its answers. */
export class DaemonSide implements Disposable {
  readonly #socketPath: string;
  readonly #completesLater: boolean;
  #agent: Agent | false;
  #answeredAt = performance.now();
  /** Values by the names that steps gave them. */
  readonly kept = new Map<string, string>();
  readonly ids = new GivenIds();

  constructor(socketPath: string, { completesLater = false, keepsConnection = false }: DaemonSideOptions = {}) {
    this.#socketPath = socketPath;
    this.#completesLater = completesLater;
    this.#agent = keepsConnection && newAgent();
  }

  [Symbol.dispose](): void {
    if (this.#agent !== false) this.#agent.destroy();
  }

  async take(step: Step): Promise<Answer> {
    const until = performance.now() + UNTIL_LIMIT_MS;
    for (;;) {
      const answer = await this.#ask(step);
      if (this.#completesLater && isOvertaken(step, answer) && performance.now() < until) {
        await sleep(POLL_MS);
        continue;
      }
      if (step.keep !== undefined) this.#keep(step.keep, answer.body);
      if (step.until === undefined || step.until(answer.body)) return await this.#withIds(answer);
      if (performance.now() > until)
        throw new Error(`${step.ask}: still ${JSON.stringify(answer.body).slice(0, 1_000)}`);
      await sleep(POLL_MS);
    }
  }

  /** What an answer mentions without having been shown before is looked for among all that there is. */
  async #withIds(answer: Answer): Promise<Answer> {
    if (this.ids.isNewIn(answer.body))
      for (const list of LISTS) await this.#send("GET", `/v${VERSION}/${list}`, { body: "", headers: {} });
    return answer;
  }

  #keep(name: string, body: unknown): void {
    const object: unknown = Array.isArray(body) ? body[0] : body;
    const { ID, Id } = (object ?? {}) as { readonly ID?: unknown; readonly Id?: unknown };
    const id = ID ?? Id;
    if (typeof id === "string") this.kept.set(name, id);
  }

  async #ask({ ask, body, headers = {}, version = VERSION }: Step): Promise<Answer> {
    const [method = "GET", path = "/"] = ask.split(" ");
    const filled = await this.#fill(path);
    const sent = await this.#fill(typeof body === "string" || body === undefined ? (body ?? "") : JSON.stringify(body));
    const prefix = version === "" ? "" : `/v${version}`;
    return this.#send(method, prefix + filled, {
      body: sent,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    });
  }

  async #fill(text: string): Promise<string> {
    let filled = text;
    for (const [place, name = ""] of text.matchAll(/\{(version:[^{}]+|[\w.-]+)\}|%7B([\w.-]+)%7D/g))
      filled = filled.replace(place, await this.#valueOf(name || place.slice(3, -3), place));
    return filled;
  }

  async #valueOf(name: string, place: string): Promise<string> {
    if (!name.startsWith("version:")) return this.kept.get(name) ?? place;
    const path = await this.#fill(name.slice("version:".length).replaceAll(/<([\w.-]+)>/g, "{$1}"));
    const { body } = await this.#send("GET", `/v${VERSION}${path}`, { body: "", headers: {} });
    return String((body as { readonly Version?: { readonly Index: number } }).Version?.Index ?? 0);
  }

  /** A daemon whose queue of new connections is full has heard nothing yet. */
  async #send(method: string, path: string, sent: Sent): Promise<Answer> {
    const until = performance.now() + UNTIL_LIMIT_MS;
    for (;;) {
      try {
        const answer = await this.#sendOnce(method, path, sent);
        this.#answeredAt = performance.now();
        this.ids.learn(answer.body);
        return answer;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || performance.now() > until) throw error;
      }
      await sleep(POLL_MS);
    }
  }

  /**
   * A connection of its own asks to be kept all the same: a daemon that closes right after its answer makes a write that is
   * late fail, and with it the answer.
   */
  #sendOnce(method: string, path: string, { body, headers: own }: Sent): Promise<Answer> {
    const headers = { connection: "keep-alive", ...own };
    const agent = this.#freshAgent();
    return new Promise((resolve, reject) => {
      const asked = request(
        { socketPath: this.#socketPath, agent, method, path, headers, timeout: 60_000 },
        (answer) => {
          const { statusCode: status = 0, headers: got } = answer;
          textOf(answer).then((text) => resolve({ status, headers: got, body: parsed(text) }), reject);
        },
      );
      asked.once("timeout", () => asked.destroy(new Error(`${method} ${path}: no answer`)));
      asked.on("error", reject);
      asked.end(body === "" ? undefined : body);
    });
  }

  /** A daemon may close what is idle for long just when it is used again. */
  #freshAgent(): Agent | false {
    if (this.#agent === false || performance.now() - this.#answeredAt < IDLE_MAX_MS) return this.#agent;
    this.#agent.destroy();
    return (this.#agent = newAgent());
  }
}

const newAgent = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 });

interface Sent {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The daemon itself has changed the object since its version was asked for: Docker completes what was made a moment before. */
function isOvertaken({ ask }: Step, { body }: Answer): boolean {
  const { message } = (body ?? {}) as { readonly message?: unknown };
  return ask.includes("{version:") && typeof message === "string" && message.includes("out of sequence");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
