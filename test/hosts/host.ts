import { setTimeout as sleep } from "node:timers/promises";
import { MurmurClient } from "@murmur/api";
import type { StartedTestContainer } from "testcontainers";
import { CommandRunner, type CommandOptions, type Outcome } from "./command-runner.ts";

/** One host of a test cluster, driven as its administrator would: by commands on it. */
export class Host {
  readonly name: string;
  readonly container: StartedTestContainer;
  readonly address: string;
  /** The host's API, reached directly. */
  readonly client: MurmurClient;
  /** Where the API can be reached from this machine. */
  readonly socket: string;
  readonly #commands: CommandRunner;

  constructor(
    name: string,
    container: StartedTestContainer,
    place: { readonly address: string; readonly runFolder: string },
  ) {
    this.name = name;
    this.container = container;
    this.address = place.address;
    this.socket = `${place.runFolder}/docker.sock`;
    this.client = new MurmurClient({ host: this.socket });
    this.#commands = new CommandRunner(container.getId());
  }

  /** Runs a command on the host. Never rejects for the command's own failure. */
  run(command: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    return this.#commands.run(command, options);
  }

  /** Runs a command that must succeed; its standard output. */
  async ok(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command);
    if (code !== 0)
      throw new Error(`${this.name}: ${command.join(" ")}: exit ${String(code)}: ${stderr.trim() || stdout.trim()}`);
    return stdout.trim();
  }

  /** `murmur …` on this host; must succeed. */
  murmur(...args: string[]): Promise<string> {
    return this.ok("murmur", ...args);
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.murmur(...args, "--format", "json")) as T;
  }

  /** Cuts the host off: nothing gets in or out any more, and nobody is told. Resolves with the moment before: Unix time in ms. */
  async cut(): Promise<number> {
    const moment = await this.ok(
      "sh",
      "-c",
      "date +%s%3N; for c in INPUT OUTPUT FORWARD; do iptables -I $c ! -i lo -j DROP 2>/dev/null || iptables -I $c ! -o lo -j DROP; done",
    );
    return Number(moment);
  }

  async heal(): Promise<void> {
    await this.ok(
      "sh",
      "-c",
      "for c in INPUT OUTPUT FORWARD; do iptables -D $c ! -i lo -j DROP 2>/dev/null || iptables -D $c ! -o lo -j DROP; done",
    );
  }

  /** Lets nothing of another host in any more; what this one sends still gets there. */
  async cutFrom({ address }: Host): Promise<void> {
    await this.ok("iptables", "-I", "INPUT", "-s", address, "-j", "DROP");
  }

  async healFrom({ address }: Host): Promise<void> {
    await this.ok("iptables", "-D", "INPUT", "-s", address, "-j", "DROP");
  }

  /** Ends the Murmur process as a crash would; the supervisor starts it again unless `hold`. */
  async killMurmur(options: { readonly hold?: boolean } = {}): Promise<void> {
    const hold = options.hold === true ? "touch /run/murmur-node/murmur.hold; " : "";
    await this.ok("sh", "-c", `${hold}kill -9 $(cat /run/murmur-node/murmur.pid)`);
  }

  async startMurmur(): Promise<void> {
    await this.ok("rm", "-f", "/run/murmur-node/murmur.hold");
  }

  /** Ends the engine as a crash would; the supervisor starts it again unless `hold`. */
  async killEngine(options: { readonly hold?: boolean } = {}): Promise<void> {
    const hold = options.hold === true ? "touch /run/murmur-node/docker.hold; " : "";
    await this.ok("sh", "-c", `${hold}kill -9 $(cat /run/murmur-node/docker.pid)`);
  }

  async startEngine(): Promise<void> {
    await this.ok("rm", "-f", "/run/murmur-node/docker.hold");
  }

  /** The containers of tasks that run on this host's engine. */
  async containers(): Promise<readonly string[]> {
    const text = await this.ok("docker", "ps", "-q", "--no-trunc", "--filter", "label=com.docker.swarm.task.id");
    return text === "" ? [] : text.split("\n").toSorted();
  }

  /** The addresses that the host's own DNS server gives for a name; none when there is no such name. */
  async resolve(name: string): Promise<readonly string[]> {
    const script =
      "const { Resolver } = require('node:dns').promises; const r = new Resolver(); r.setServers(['127.0.0.1:7353']);" +
      "r.resolve4(process.argv[1]).then((list) => console.log(list.join('\\n')), (error) => { if (error.code !== 'ENOTFOUND' && error.code !== 'ENODATA') throw error; });";
    const text = await this.ok("/usr/local/lib/murmur/node", "-e", script, name);
    return text === "" ? [] : text.split("\n");
  }

  async logs(): Promise<string> {
    return (await this.run(["tail", "-n", "200", "/var/log/murmur.log"])).stdout;
  }
}

/** What starts or stops containers: where an engine has to do more, a test says so itself, and why. */
const LIMIT_MS = 10_000;
/** What gossip or the endpoint table tells everybody: names, endpoints, roles, states, a leader after another. */
export const SOON = { limitMs: 5_000 } as const;

/**
 * Asks again until an answer satisfies; rejects with what was last seen. The longer it takes, the less often it asks:
 * most questions are a command that keeps a core busy, on the machine that has to do what is waited for. A question that
 * gets no answer, nor an error, counts as one that wasn't answered in time.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  good: (value: T) => boolean,
  options: { readonly limitMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const { limitMs = LIMIT_MS, everyMs = 100 } = options;
  const start = performance.now();
  let last: unknown;
  for (;;) {
    try {
      const value = await answerOf(ask(), limitMs);
      last = value;
      if (good(value)) return value;
    } catch (error) {
      last = error;
    }
    const elapsedMs = performance.now() - start;
    if (elapsedMs > limitMs) throw new Error(`not within ${String(limitMs)} ms: ${what}; last: ${describe(last)}`);
    await sleep(Math.max(everyMs, elapsedMs / 10));
  }
}

/** What was asked for, or an error when it takes so long that nobody waits for it any more. */
async function answerOf<T>(asked: Promise<T>, limitMs: number): Promise<T> {
  const over = new AbortController();
  const late = async (): Promise<never> => {
    await sleep(limitMs, undefined, { signal: over.signal });
    throw new Error(`no answer for ${String(limitMs)} ms`);
  };
  try {
    return await Promise.race([asked, late()]);
  } finally {
    over.abort();
  }
}

const describe = (value: unknown): string => (value instanceof Error ? value.message : JSON.stringify(value));
