import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Host } from "../../../test/hosts/host.ts";
import type { Probe, ProbeAnswer, ProbeCommand, Sightings } from "./probe-process.ts";

const PROGRAM = readFileSync(join(import.meta.dirname, "probe-process.ts"), "utf8");
// As little as possible of what is measured is to be its own waiting.
const NODE = [
  "nice",
  "-n",
  "-10",
  "/usr/local/lib/murmur/node",
  "--no-warnings",
  "--input-type=module-typescript",
  "-e",
  PROGRAM,
];
const ANSWER_MS = 30_000;

/** Looks out, in a network namespace of a host, for who is chosen: see `probe-process.ts`. */
export class NamespaceProbe implements Disposable {
  readonly host: Host;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<string, PromiseWithResolvers<ProbeAnswer>>();
  readonly #problems: string[] = [];
  #overruns = 0;

  /** `netns`: a container's, by its path on the host; left out: the host's own. */
  constructor(host: Host, netns?: string) {
    this.host = host;
    const inside = netns === undefined ? [] : ["nsenter", `--net=${netns}`];
    this.#process = spawn("docker", ["exec", "-i", host.container.getId(), ...inside, ...NODE], { stdio: "pipe" });
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      // An engine that could not start it says so here.
      if (line.startsWith("{")) this.#heard(JSON.parse(line) as ProbeAnswer);
      else this.#problems.push(line);
    });
    this.#process.stderr.on("data", (text: Buffer) => this.#problems.push(text.toString().trim()));
    this.#process.stdin.on("error", () => {});
  }

  /** How often the kernel had more to tell than could be taken: flows that were not seen. */
  get overruns(): number {
    return this.#overruns;
  }

  /** What makes its word worthless, if anything. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Makes its choices until `end`, and looks out for the watched addresses. */
  begin(
    key: string,
    watched: readonly string[],
    how: { readonly everyMs: number; readonly probes: readonly Probe[] },
  ): void {
    this.#send({ kind: "begin", key, watched, ...how });
  }

  end(key: string): void {
    this.#send({ kind: "end", key });
  }

  async sightings(key: string): Promise<Sightings> {
    const { sightings = {}, overruns = 0 } = await this.#ask({ kind: "sightings", key });
    this.#overruns = overruns;
    return sightings;
  }

  /** Kills a container of this host; the moment before. */
  async kill(key: string, container: string): Promise<number> {
    const { at, error } = await this.#ask({ kind: "kill", key, container });
    if (at === undefined) throw new Error(`${this.host.name}: ${container} could not be killed: ${error ?? ""}`);
    return at;
  }

  [Symbol.dispose](): void {
    this.#process.stdin.end();
  }

  #send(command: ProbeCommand): void {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
  }

  async #ask(command: ProbeCommand): Promise<ProbeAnswer> {
    const waiting = Promise.withResolvers<ProbeAnswer>();
    this.#waiting.set(command.key, waiting);
    const timer = setTimeout(
      () => waiting.reject(new Error(`${this.host.name}: the probe is silent: ${this.#problems.join("; ")}`)),
      ANSWER_MS,
    );
    this.#send(command);
    return await waiting.promise.finally(() => clearTimeout(timer));
  }

  #heard(answer: ProbeAnswer): void {
    const waiting = this.#waiting.get(answer.key);
    this.#waiting.delete(answer.key);
    if (waiting !== undefined) waiting.resolve(answer);
    else if (answer.error !== undefined) this.#problems.push(answer.error);
  }
}
