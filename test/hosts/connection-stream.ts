import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Host } from "./host.ts";

/** What came of all connections of a stream. */
export interface StreamResult {
  /** Pages by what they said. */
  readonly pages: Readonly<Record<string, number>>;
  /** What went wrong, a line each. */
  readonly failures: readonly string[];
}

/** Two clients that open one connection after the other, each for one page, until the program's input ends. */
const PROGRAM = String.raw`
const { connect } = require("node:net");
const [host, port] = process.argv.slice(1);
const pages = {};
const failures = [];
let ended = false;
process.stdin.resume().on("end", () => { ended = true; });
function once() {
  return new Promise((resolve) => {
    let said = "";
    const fail = (why) => { failures.push(new Date().toISOString() + " " + why); resolve(); };
    const socket = connect({ host, port: Number(port) }, () => socket.write("GET / HTTP/1.0\r\n\r\n"));
    socket.setTimeout(10000, () => { fail("silence"); socket.destroy(); });
    socket.setEncoding("utf8").on("data", (data) => { said += data; });
    socket.on("error", (error) => fail(error.code));
    socket.on("end", () => {
      const [head, page] = said.split("\r\n\r\n");
      if (!/^HTTP\/1\.\d 200 /.test(head) || !page) return fail("a page that is not whole");
      pages[page.trim()] = (pages[page.trim()] ?? 0) + 1;
      resolve();
    });
  });
}
async function client() {
  while (!ended) { await once(); await new Promise((resolve) => setTimeout(resolve, 10)); }
}
Promise.all([client(), client()]).then(() => console.log(JSON.stringify({ pages, failures })));
`;

/** A steady stream of new connections to one address, from a host or from the network of one of its containers. */
export class ConnectionStream {
  readonly #process: ChildProcess;
  readonly #said: Promise<string>;
  readonly #complained: Promise<string>;

  constructor(host: Host, target: { readonly netns?: string; readonly host: string; readonly port: number }) {
    const inside = target.netns === undefined ? [] : ["nsenter", `--net=${target.netns}`];
    const node = ["/usr/local/lib/murmur/node", "-e", PROGRAM, target.host, String(target.port)];
    const child = spawn("docker", ["exec", "-i", host.container.getId(), ...inside, ...node], { stdio: "pipe" });
    this.#process = child;
    this.#said = text(child.stdout);
    this.#complained = text(child.stderr);
  }

  /** Ends it; what came of all its connections. */
  async end(): Promise<StreamResult> {
    const { stdin, exitCode } = this.#process;
    const exit = exitCode === null ? once(this.#process, "exit") : undefined;
    stdin?.end();
    await exit;
    const said = await this.#said;
    if (said === "") throw new Error(`the stream has broken off: ${await this.#complained}`);
    return JSON.parse(said) as StreamResult;
  }
}
