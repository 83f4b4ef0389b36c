import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly timeoutMs?: number;
  /** Left out: the host's. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs, on a host, each command that a line of its input names, and answers with a line: JSON in Base64, as a text may
 * have ends of lines that JSON leaves in it. A process that was left behind may keep a command's output open: what is
 * there shortly after its end is all of it.
 */
const PROGRAM = String.raw`
const { spawn } = require("node:child_process");
const { signals } = require("node:os").constants;
const DRAIN_MS = 100;
const running = new Map();
function begin({ id, command: [program, ...args], env }) {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const said = { stdout: [], stderr: [] };
  const answer = (code) => {
    if (!running.delete(id)) return;
    const [stdout, stderr] = [said.stdout, said.stderr].map((parts) => Buffer.concat(parts).toString());
    process.stdout.write(Buffer.from(JSON.stringify({ id, code, stdout, stderr })).toString("base64") + "\n");
    child.stdout.destroy();
    child.stderr.destroy();
  };
  running.set(id, child);
  child.on("error", (error) => { said.stderr.push(Buffer.from(error.message)); answer(127); });
  for (const name of ["stdout", "stderr"]) child[name].on("data", (bytes) => said[name].push(bytes));
  child.on("exit", (code, signal) => {
    const status = code ?? 128 + signals[signal];
    child.on("close", () => answer(status));
    setTimeout(() => setImmediate(answer, status), DRAIN_MS);
  });
}
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(Buffer.from(line, "base64"));
  if (request.command === undefined) running.get(request.id)?.kill("SIGKILL");
  else begin(request);
}).on("close", () => process.exit());
`;

/** What runs commands on a host, and who waits for which. */
interface Session {
  readonly process: ChildProcess;
  readonly waiting: Map<number, (outcome: Outcome) => void>;
}

/**
 * Commands on a host through one process on it: an exec of the engine for each would take longer than most of them. It
 * ends with the host's container; the next command starts it again.
 */
export class CommandRunner {
  readonly #container: string;
  #session: Session | undefined;
  #ids = 0;

  constructor(container: string) {
    this.#container = container;
  }

  /** Never rejects for the command's own failure: 124 when it took too long, what the engine says when the host is gone. */
  async run(command: readonly string[], { timeoutMs = 60_000, env }: CommandOptions = {}): Promise<Outcome> {
    const { process, waiting } = (this.#session ??= this.#open());
    this.#ids += 1;
    const id = this.#ids;
    const send = (request: object): unknown =>
      process.stdin?.write(`${Buffer.from(JSON.stringify({ id, ...request })).toString("base64")}\n`);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        send({});
        resolve({ code: 124, stdout: "", stderr: `not done within ${String(timeoutMs)} ms: ${command.join(" ")}` });
      }, timeoutMs);
      waiting.set(id, (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      });
      send({ command, env });
    });
  }

  #open(): Session {
    const node = ["/usr/local/lib/murmur/node", "-e", PROGRAM];
    const child = spawn("docker", ["exec", "-i", this.#container, ...node], { stdio: "pipe" });
    const session: Session = { process: child, waiting: new Map() };
    let complained = "";
    // Who is told why is who waits: below.
    child.stdin.on("error", () => {});
    child.on("error", ({ message }) => (complained += message));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complained += text));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const answer = answerIn(line);
      if (answer === undefined) return void (complained += `${line}\n`);
      const { id, ...outcome } = answer;
      session.waiting.get(id)?.(outcome);
      session.waiting.delete(id);
    });
    child.on("close", (code) => {
      if (this.#session === session) this.#session = undefined;
      // Whatever it ended with: what was waited for has not been done.
      const outcome = { code: code === null || code === 0 ? 137 : code, stdout: "", stderr: complained };
      for (const tell of session.waiting.values()) tell(outcome);
    });
    return session;
  }
}

/** What the program says; undefined: it is the engine that speaks, of a container that is on its way out. */
function answerIn(line: string): (Outcome & { readonly id: number }) | undefined {
  try {
    return JSON.parse(Buffer.from(line, "base64").toString()) as Outcome & { readonly id: number };
  } catch {
    return undefined;
  }
}
