import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { ClusterError, messageOf, type Millis } from "@murmur/base";
import type { CommandResult } from "./commands.ts";

/** As for a program that is run once. */
const TIMEOUT_MS: Millis = 30_000;
/** The sets of those that UDP was sent to, with all the addresses that a node may have (some 60 bytes each), and to spare. */
const ANSWER_MAX_CHARS = 16 * 1024 * 1024;

/**
 * Both outputs are one, so that they stay in order. What nsenter says against the namespace comes on its own error output.
 */
const argvOf = (netns: string | undefined): readonly [string, ...string[]] => {
  const shell = ["sh", "-c", "exec nft --interactive --json 2>&1"] as const;
  return netns === undefined ? shell : ["nsenter", `--net=${netns}`, ...shell];
};

/** It would write all that it was told into a file there, and read that when it starts. */
const NO_HOME = "/dev/null";
/** It remembers all that it was told, for a user who wants it again: another one takes its place after so much. */
const TOLD_MAX_CHARS = 256 * 1024;

/** Nobody has a table of this name: nft's complaint about it says that it has done all that it was told before. */
const MARKER = "murmur-done";

export interface NftShellOptions {
  /** Path of the namespace; undefined: the process's own. */
  readonly netns: string | undefined;
  /** It ends when it was told nothing for this long, and lets go of the namespace. */
  readonly idleMs: Millis;
  /** How long the first answer may take: who gives none by then was not made for this. */
  readonly firstAnswerMs: Millis;
  /** It takes no more; may be called twice. */
  readonly onEnd: (shell: NftShell) => void;
}

/**
 * One `nft` that stays in a namespace and is told transactions, a line each. To start a process for each of them costs ten
 * times as much, and stops the whole of this process until the new one has had its first turn on a processor.
 */
export class NftShell {
  readonly #child: ChildProcessWithoutNullStreams;
  #answered = 0;
  /** Characters. */
  #told = 0;
  /** What it has printed since the last answer. */
  #printed = "";
  #errors = "";
  #asked: (PromiseWithResolvers<CommandResult> & { readonly timer: NodeJS.Timeout }) | undefined;
  #ended: CommandResult | undefined;
  #idle: NodeJS.Timeout | undefined;
  readonly #options: NftShellOptions;

  constructor(options: NftShellOptions) {
    const { netns } = options;
    this.#options = options;
    const [program, ...args] = argvOf(netns);
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, HOME: NO_HOME } });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    this.#child.once("error", (error) => this.#end({ status: -1, output: "", errors: messageOf(error) }));
    this.#child.once("close", (code) =>
      this.#end({ status: code === 0 ? -1 : (code ?? -1), output: "", errors: this.#errors || this.#printed || ENDED }),
    );
    // One that ends before it has read everything says why.
    this.#child.stdin.on("error", () => {});
  }

  /** How many transactions it has answered: none, and it may never have come to work at all. */
  get answered(): number {
    return this.#answered;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isBusy(): boolean {
    return this.#asked !== undefined;
  }

  /**
   * Does the lines as one transaction, when the one before was answered. Whatever they list is the output, a line each; a
   * status other than 0 and the errors say what was wrong, or that it has ended: then nobody knows whether it was done.
   *
   * @throws ClusterError `timeout`
   */
  run(lines: readonly string[]): Promise<CommandResult> {
    if (this.#ended !== undefined) return Promise.resolve(this.#ended);
    if (this.isBusy) throw new Error("an nft is told something before it has answered");
    clearTimeout(this.#idle);
    const limitMs = this.#answered === 0 ? this.#options.firstAnswerMs : TIMEOUT_MS;
    const timer = setTimeout(() => this.#giveUp(limitMs), limitMs);
    const asked = { ...Promise.withResolvers<CommandResult>(), timer };
    this.#asked = asked;
    const text = `${lines.join("; ")}\nlist table inet ${this.#marker}\n`;
    this.#told += text.length;
    this.#child.stdin.write(text);
    return asked.promise;
  }

  /** It ends when it has done what it was told, and is told nothing more. */
  end(): void {
    clearTimeout(this.#idle);
    this.#options.onEnd(this);
    this.#child.stdin.end();
  }

  /** It ends at once, whatever it is doing. That it has ended is heard of only when nobody holds its output open any more. */
  kill(): void {
    this.#options.onEnd(this);
    this.#child.kill("SIGKILL");
  }

  get #marker(): string {
    return `${MARKER}-${String(this.#answered)}`;
  }

  #read(text: string): void {
    this.#printed += text;
    if (this.#printed.length > ANSWER_MAX_CHARS) return this.kill();
    const [answer] =
      new RegExp(`^Error: [^\\n]*\\nlist table inet ${this.#marker}\\n *\\^+\\n`, "m").exec(this.#printed) ?? [];
    const asked = this.#asked;
    if (answer === undefined || asked === undefined) return;
    const before = this.#printed.slice(0, this.#printed.indexOf(answer));
    this.#printed = "";
    this.#answered += 1;
    this.#asked = undefined;
    clearTimeout(asked.timer);
    if (this.#told > TOLD_MAX_CHARS) this.end();
    else this.#idle = setTimeout(() => this.end(), this.#options.idleMs);
    asked.resolve(resultOf(before));
  }

  #giveUp(limitMs: Millis): void {
    this.#asked?.reject(
      new ClusterError("timeout", `nft did not answer within ${String(limitMs / 1_000)} s and was killed`),
    );
    this.kill();
  }

  #end(result: CommandResult): void {
    if (this.#ended !== undefined) return;
    this.#ended = result;
    clearTimeout(this.#idle);
    clearTimeout(this.#asked?.timer);
    this.#asked?.resolve(result);
    this.#asked = undefined;
    this.#options.onEnd(this);
  }
}

const ENDED = "nft has ended in the midst of it";

/** Whatever it lists is an object a line; whatever else it prints matters only where it is an error. */
function resultOf(printed: string): CommandResult {
  const lines = printed.split("\n");
  const first = lines.findIndex((line) => line.startsWith("Error: "));
  const output = lines.filter((line) => line.startsWith("{")).join("\n");
  return first < 0 ? { status: 0, output, errors: "" } : { status: 1, output, errors: lines.slice(first).join("\n") };
}
