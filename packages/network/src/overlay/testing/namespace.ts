import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { PeerAnswer, PeerRequest } from "./peer.ts";

/** Of util-linux, as the overlay's own. */
const UNSHARE = "unshare";
const NSENTER = "nsenter";
const PEER = new URL("./peer.ts", import.meta.url).pathname;

/** A network namespace with a `peer` in it. It ends with the test process, whatever becomes of that. */
export class Namespace implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(name: string, child: ChildProcess, answers: AsyncIterator<string>) {
    this.name = name;
    this.pid = child.pid ?? 0;
    this.#child = child;
    this.#answers = answers;
  }

  static async open(name: string): Promise<Namespace> {
    const child = spawn(UNSHARE, ["--net", process.execPath, PEER, name], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.on("error", () => {}); // the end of its answers tells
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await answers.next();
    if (first.done === true) throw new Error("these tests need root: they make network namespaces (unshare --net)");
    const namespace = new Namespace(name, child, answers);
    await namespace.ip("link set lo up");
    return namespace;
  }

  /** Its path, as the engine would name it. */
  get path(): string {
    return `/proc/${String(this.pid)}/ns/net`;
  }

  /** Runs a program inside, by words without quotes. Fails the test with what it said if it doesn't end well. */
  async run(words: string): Promise<string> {
    const { stdout } = await promisify(execFile)(NSENTER, [`--net=${this.path}`, ...words.split(" ")]);
    return stdout;
  }

  async ip(...lines: readonly string[]): Promise<void> {
    for (const line of lines) await this.run(`ip ${line}`);
  }

  /** Waits until a device is up: the kernel takes a while to find that out, and drops what it is told to send before. */
  async up(device: string): Promise<void> {
    for (let looks = 0; looks < 1_500; looks += 1) {
      if ((await this.run(`ip -o link show dev ${device}`)).includes(" state UP ")) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`${device} of ${this.name} is not up after half a minute`);
  }

  /** Gives a program inside its input. */
  async feed(words: string, input: string): Promise<void> {
    const child = spawn(NSENTER, [`--net=${this.path}`, ...words.split(" ")], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    child.stdin.on("error", () => {}); // its code tells
    child.stdin.end(input);
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`${words} ended with ${String(code)}`);
  }

  async open(protocol: "tcp" | "udp", host: string, port: number): Promise<number> {
    const { id, error } = await this.#tell({ kind: "open", protocol, host, port });
    if (id === undefined) throw new Error(`${this.name} can't reach ${host}: ${error ?? ""}`);
    return id;
  }

  /** Who answers on an open line, or an error code. */
  say(id: number): Promise<PeerAnswer> {
    return this.#tell({ kind: "say", id });
  }

  /** Who answers a new flow, or an error code. */
  async ask(protocol: "tcp" | "udp", host: string, port: number): Promise<PeerAnswer> {
    const { id, error } = await this.#tell({ kind: "open", protocol, host, port });
    if (id === undefined) return { error: error ?? "" };
    const answer = await this.say(id);
    await this.#tell({ kind: "close", id });
    return answer;
  }

  /** The IPv4 addresses of a name, as a resolver says, sorted; or an error code. */
  resolve(server: string, host: string): Promise<PeerAnswer> {
    return this.#tell({ kind: "resolve", server, host });
  }

  async #tell(request: PeerRequest): Promise<PeerAnswer> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`${this.name} has ended`);
    return JSON.parse(value) as PeerAnswer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.stdin?.end();
    await closed;
  }
}
