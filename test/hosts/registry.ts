import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, type Host } from "./host.ts";
import { ownName } from "./leftovers.ts";

/** Where every host finds the registry: engines ask no TLS of their own machine. */
export const REGISTRY = "127.0.0.1:5000";
export const REGISTRY_USER = "me";
/** Passwords, one after the other, and their lines of the registry's htpasswd (bcrypt, the only form that it reads). */
export const PASSWORDS = ["first-Password-1", "second-Password-2"] as const;
const LINES = {
  "first-Password-1": "$2y$05$abcdefghijklmnopqrstuuVDG7AwKUy.JfrQuR1rYR4MYskxYdoxK",
  "second-Password-2": "$2y$05$abcdefghijklmnopqrstuu95q5ISClUIMgspk7kKC2IRbgbWXk0Pi",
} as const;

type Password = (typeof PASSWORDS)[number];

/** Debian's docker-registry on this machine, which lets in who has the password. */
export class Registry implements AsyncDisposable {
  readonly #folder: string;
  readonly #process: ChildProcess;
  #log = "";

  private constructor(folder: string) {
    this.#folder = folder;
    const config = join(folder, "config.yml");
    const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
    child.on("error", ({ message }) => (this.#log += message));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    this.#process = child;
  }

  static async start(): Promise<Registry> {
    const folder = await mkdtemp(join(tmpdir(), `${await ownName()}-`));
    const config = {
      version: 0.1,
      log: { level: "info" },
      storage: { filesystem: { rootdirectory: join(folder, "data") } },
      // At a port that the kernel gives it: one that was found free before could be another's by now.
      http: { addr: ":0" },
      auth: { htpasswd: { realm: "tests", path: join(folder, "htpasswd") } },
    };
    await writeFile(join(folder, "config.yml"), JSON.stringify(config));
    // Before it starts: it makes itself one where there is none.
    await writePassword(folder, PASSWORDS[0]);
    return new Registry(folder);
  }

  /** What it says itself, once it listens. */
  async #port(): Promise<string> {
    const log = await eventually(
      "the registry listens",
      async () => this.#log,
      (text) => LISTENS.test(text),
    );
    return LISTENS.exec(log)?.[1] ?? "";
  }

  /** From now on this is the password. */
  change(password: Password): Promise<void> {
    return writePassword(this.#folder, password);
  }

  /** Makes it reachable at `REGISTRY` on a host. */
  async offerTo(host: Host): Promise<void> {
    const gateway = await host.ok("sh", "-c", "ip route show default | cut -d' ' -f3");
    const script =
      "const net = require('node:net'); net.createServer((near) => {" +
      `const far = net.connect(${await this.#port()}, '${gateway}'); near.pipe(far).pipe(near);` +
      "for (const end of [near, far]) end.on('error', () => { near.destroy(); far.destroy(); });" +
      "}).listen(5000, '127.0.0.1');";
    await host.ok("sh", "-c", 'setsid /usr/local/lib/murmur/node -e "$0" >/dev/null 2>&1 &', script);
    await eventually(
      `${host.name} reaches the registry`,
      () => host.run(["/usr/local/lib/murmur/node", "-e", ASK]),
      ({ stdout }) => stdout.trim() === "401",
    );
  }

  /** `docker login` on a host. */
  async login(host: Host, password: Password): Promise<void> {
    await host.ok(
      "sh",
      "-c",
      `printf %s '${password}' | docker login --username ${REGISTRY_USER} --password-stdin ${REGISTRY}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.kill("SIGKILL")) await once(this.#process, "exit");
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const LISTENS = /listening on \S+:([0-9]+)/;
const ASK = `fetch('http://${REGISTRY}/v2/').then((answer) => console.log(answer.status))`;

const writePassword = (folder: string, password: Password): Promise<void> =>
  writeFile(join(folder, "htpasswd"), `${REGISTRY_USER}:${LINES[password]}\n`);
