import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../../../..");
/** Engines start side by side, on machines with much else to do. */
const START_LIMIT_MS = 90_000;
const STOP_LIMIT_MS = 30_000;
/** How often, and how long after one another, what an engine leaves is tried to be removed. */
const REMOVAL = { maxRetries: 20, retryDelay: 100 } as const;

/** The one address of each host: a block that is nobody's (RFC 5737), so that no pool of subnets overlaps it. */
const ADDRESS = "192.0.2.1";
/** A namespace of its own with one address on a link that leads nowhere. Then the command. */
const IN_NAMESPACE = [
  "set -e",
  "ip link set lo up",
  "ip link add eth0 type veth peer name eth1",
  `ip addr add ${ADDRESS}/30 dev eth0`,
  "ip link set eth0 up",
  "ip link set eth1 up",
  "echo 1 >/proc/sys/net/ipv4/ip_forward",
  'exec "$@"',
].join("\n");
/** Whatever is mounted below a folder, the last one first: engines leave what containers of network host were in, and more. */
const UNMOUNT =
  'awk -v folder="$0/" \'index($2, folder) == 1 { print $2 }\' /proc/self/mounts | tac | while read -r at; do umount -l "$at"; done';

/** A host without a neighbour: a network namespace with an engine of its own, on this machine. Needs root. */
export class LoneHost implements AsyncDisposable {
  readonly address = ADDRESS;
  readonly folder: string;
  readonly #engine: ChildProcess;
  readonly #daemons: ChildProcess[] = [];

  private constructor(folder: string, engine: ChildProcess) {
    this.folder = folder;
    this.#engine = engine;
  }

  static async start(name: string, images: readonly string[]): Promise<LoneHost> {
    const folder = await mkdtemp(join(tmpdir(), `murmur-${name}-`));
    const place = ["--data-root", "data", "--exec-root", "exec", "--pidfile", "docker.pid"].map((word) =>
      word.startsWith("--") ? word : join(folder, word),
    );
    const engine = await background(
      [
        "unshare",
        "--net",
        "sh",
        "-c",
        IN_NAMESPACE,
        "sh",
        "dockerd",
        ...place,
        "--host",
        `unix://${folder}/engine.sock`,
      ],
      join(folder, "engine.log"),
    );
    const host = new LoneHost(folder, engine);
    try {
      await host.#answers("engine", engine);
      for (const image of images)
        await run("sh", ["-c", 'docker save "$1" | docker -H "unix://$0" load', host.engineSocket, image]);
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  get engineSocket(): string {
    return join(this.folder, "engine.sock");
  }

  get murmurSocket(): string {
    return join(this.folder, "murmur.sock");
  }

  /** Process of the Murmur daemon, from source, with these variables in its environment. It uses this host's engine. */
  async startMurmur(variables: Readonly<Record<string, string>> = {}): Promise<ChildProcess> {
    const args = ["--data-dir", join(this.folder, "state"), "--socket", this.murmurSocket];
    args.push("--docker-host", `unix://${this.engineSocket}`);
    const daemon = await background(
      [
        "nsenter",
        `--net=/proc/${String(this.#engine.pid)}/ns/net`,
        "env",
        "MURMUR_SOURCE=1",
        ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
        join(ROOT, "bin/murmur"),
        "daemon",
        ...args,
      ],
      join(this.folder, "murmur.log"),
    );
    this.#daemons.push(daemon);
    await this.#answers("murmur", daemon);
    return daemon;
  }

  async #answers(what: "engine" | "murmur", child: ChildProcess): Promise<void> {
    const socketPath = what === "engine" ? this.engineSocket : this.murmurSocket;
    const until = performance.now() + START_LIMIT_MS;
    while (!(await pings(socketPath))) {
      if (hasEnded(child) || performance.now() > until) {
        const log = await readFile(join(this.folder, `${what}.log`), "utf8");
        throw new Error(`the ${what} doesn't answer; its log ends: ${log.slice(-2_000)}`);
      }
      await sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await end(daemon);
    await run("sh", [
      "-c",
      'docker -H "unix://$0" ps -aq | xargs -r docker -H "unix://$0" rm -f',
      this.engineSocket,
    ]).catch(() => {});
    await end(this.#engine);
    await run("sh", ["-c", UNMOUNT, this.folder]).catch(() => {});
    await rm(this.folder, { recursive: true, force: true, ...REMOVAL });
  }
}

async function background([program = "", ...args]: readonly string[], logFile: string): Promise<ChildProcess> {
  await mkdir(resolve(logFile, ".."), { recursive: true });
  await using log = await open(logFile, "a");
  const child = spawn(program, args, { stdio: ["ignore", log.fd, log.fd] });
  await once(child, "spawn");
  return child;
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
  await gone;
  clearTimeout(timer);
}

function pings(socketPath: string): Promise<boolean> {
  return new Promise((answered) => {
    const asked = request({ socketPath, path: "/_ping", timeout: 2_000 }, (answer) => {
      answer.resume();
      answered(answer.statusCode === 200);
    });
    // Listened for, but not answered: asked again.
    asked.on("timeout", () => asked.destroy());
    asked.on("close", () => answered(false));
    asked.on("error", () => {});
    asked.end();
  });
}
