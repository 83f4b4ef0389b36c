/**
 * Runs on a host, given to Node as text: asks a Docker API over a unix socket, one request after the other on one
 * connection, and prints what came of it as JSON. Its argument is an `Errand`.
 */
import { Agent, request } from "node:http";

/** What to ask; bodies are sent in order, and each path without any `times` times. */
export interface Errand {
  readonly socket: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly times?: number;
  readonly bodies?: readonly object[];
}

/** What came of it. */
export interface Took {
  /** Milliseconds from asking until all of the answer was there, for each request. */
  readonly ms: readonly number[];
  /** Entries of the last answer's list; undefined when it was none. */
  readonly entries?: number;
}

interface Answered {
  readonly ms: number;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function ask({ socket: socketPath, method, path }: Errand, body?: object): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const before = performance.now();
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = text === undefined ? {} : { "content-type": "application/json" };
  const sent = request({ socketPath, method, path, agent, headers }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.once("error", reject);
    answer.once("end", () => {
      const ms = Math.round((performance.now() - before) * 1_000) / 1_000;
      const { statusCode = 0 } = answer;
      const answered = Buffer.concat(chunks).toString("utf8");
      if (statusCode < 300) resolve({ ms, text: answered });
      else reject(new Error(`${method} ${path}: ${String(statusCode)} ${answered}`));
    });
  });
  sent.once("error", reject);
  sent.end(text);
  return promise;
}

const errand = JSON.parse(process.argv.at(-1) ?? "") as Errand;
const { times = 1, bodies = Array.from<undefined>({ length: times }) } = errand;
const answers: Answered[] = [];
for (const body of bodies) answers.push(await ask(errand, body));
agent.destroy();
const last: unknown = JSON.parse(answers.at(-1)?.text ?? "null");
const took: Took = {
  ms: answers.map(({ ms }) => ms),
  ...(Array.isArray(last) && { entries: last.length }),
};
console.log(JSON.stringify(took));
