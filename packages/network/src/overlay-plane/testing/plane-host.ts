import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { underlayOf, type Host } from "../../overlay/testing/lab.ts";
import type { PlaneAnswer, PlaneRequest } from "./plane-program.ts";

/** Of util-linux, as the overlay's own. */
const NSENTER = "nsenter";
const PROGRAM = new URL("./plane-program.ts", import.meta.url).pathname;

/** An overlay plane in the namespace of one of the lab's hosts. */
export class PlaneHost implements AsyncDisposable {
  readonly host: Host;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(host: Host, child: ChildProcess, answers: AsyncIterator<string>) {
    this.host = host;
    this.#child = child;
    this.#answers = answers;
  }

  static async open(host: Host): Promise<PlaneHost> {
    const args = [`--net=${host.namespace.path}`, process.execPath, PROGRAM, `host${String(host.number)}`];
    const child = spawn(NSENTER, [...args, underlayOf(host)], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.on("error", () => {}); // the end of its answers tells
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await answers.next();
    if (first.done === true) throw new Error(`the plane of host ${String(host.number)} did not open`);
    return new PlaneHost(host, child, answers);
  }

  async tell(request: PlaneRequest): Promise<PlaneAnswer> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error("the plane has ended");
    return JSON.parse(value) as PlaneAnswer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.stdin?.end();
    await closed;
  }
}
