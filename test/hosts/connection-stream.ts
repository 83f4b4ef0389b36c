import { spawn, type ChildProcess } from "node:child_process";
import { text } from "node:stream/consumers";
import type { Host } from "./host.ts";

/** What came of all connections of a stream. */
export interface StreamResult {
  /** Pages by what they said. */
  readonly pages: Readonly<Record<string, number>>;
  /** What went wrong, one each; with what the host held of the first connections that got no answer. */
  readonly failures: readonly string[];
}

/** Connections without an answer that are looked into. */
const LOOKS_MAX = 2;

/**
 * Two clients that open one connection after the other, each for one page, until the program's input ends. One that has
 * got no answer for 2 s is named on the error output, by its own port.
 */
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
    let own = "no port yet";
    const began = new Date().toISOString();
    const fail = (why) => { failures.push(began + " from " + own + ": " + why + " at " + new Date().toISOString()); resolve(); };
    const socket = connect({ host, port: Number(port) }, () => {
      own = socket.localPort;
      socket.write("GET / HTTP/1.0\r\n\r\n");
    });
    const silent = setTimeout(() => console.error("silent " + (socket.localPort ?? "")), 2000);
    socket.on("close", () => clearTimeout(silent));
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

interface StreamTarget {
  readonly netns?: string;
  readonly host: string;
  readonly port: number;
}

/** A steady stream of new connections to one address, from a host or from the network of one of its containers. */
export class ConnectionStream {
  readonly #host: Host;
  readonly #inside: readonly string[];
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #said: Promise<string>;
  readonly #looks: Promise<string>[] = [];
  #complained = "";

  constructor(host: Host, target: StreamTarget) {
    this.#host = host;
    this.#inside = target.netns === undefined ? [] : ["nsenter", `--net=${target.netns}`];
    const node = ["/usr/local/lib/murmur/node", "-e", PROGRAM, target.host, String(target.port)];
    const child = spawn("docker", ["exec", "-i", host.container.getId(), ...this.#inside, ...node], { stdio: "pipe" });
    this.#process = child;
    this.#ended = new Promise((resolve) => void child.on("close", resolve));
    child.on("error", ({ message }) => (this.#complained += message));
    child.stdin.on("error", () => {}); // that it said nothing tells
    this.#said = text(child.stdout);
    child.stderr.setEncoding("utf8").on("data", (words: string) => this.#hear(words));
  }

  /** Ends it; what came of all its connections. */
  async end(): Promise<StreamResult> {
    this.#process.stdin?.end();
    await this.#ended;
    const said = await this.#said;
    if (said === "") throw new Error(`the stream has broken off: ${this.#complained}`);
    const { pages, failures } = JSON.parse(said) as StreamResult;
    return { pages, failures: failures.length === 0 ? [] : [...failures, ...(await Promise.all(this.#looks))] };
  }

  #hear(words: string): void {
    this.#complained += words;
    for (const [, port = ""] of words.matchAll(/silent ([0-9]*)/g)) {
      if (this.#looks.length < LOOKS_MAX) this.#looks.push(this.#look(port));
    }
  }

  /** What the host knows of a connection, of those that it might have been made to, and of itself. */
  async #look(port: string): Promise<string> {
    const inside = this.#inside.join(" ");
    const commands = [
      `${inside} ss -tnoi "( sport = :${port} )"`,
      `${inside} conntrack -L 2>/dev/null | grep "port=${port} "`,
      `conntrack -L 2>/dev/null | grep "port=${port} "`,
      `${inside} nft list table inet murmur | grep -E "dnat|elements"`,
      `${inside} ip neigh`,
      "bridge fdb show",
      "murmur service ps --no-trunc web",
      "murmur doctor",
      "tail -n 30 /var/log/murmur.log",
    ];
    const script = commands.map((command) => `echo "# ${command.replaceAll('"', "'")}"; ${command}`).join("\n");
    const { stdout, stderr } = await this.#host.run(["sh", "-c", script]);
    return `${this.#host.name} ${new Date().toISOString()}: port ${port} is silent\n${stdout}${stderr}`;
  }
}
