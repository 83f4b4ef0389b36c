import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { ClusterError, messageOf, type Millis } from "@murmur/base";

/** One child process: what it is, what it reads, and its limits. */
interface Command {
  /** The program and its arguments; no shell is between. */
  readonly argv: readonly [string, ...string[]];
  readonly input: string;
}

export interface CommandResult {
  readonly status: number;
  readonly output: string;
  /** What it said on its error output, cut at `ERRORS_MAX_BYTES`. */
  readonly errors: string;
}

/** Runs the system's programs: a port, so that nothing above it starts processes. */
export interface Commands {
  /**
   * Waits for the process to end; a status other than 0 is an answer and no error.
   *
   * @throws ClusterError `unsupported` when the program is not installed, `timeout`, or `unavailable` when it says more
   *   than is read
   */
  run(command: Command): Promise<CommandResult>;
}

/** What each of the programs is for, by the Debian package that has it. */
export const PACKAGES: Readonly<Record<string, string>> = {
  ip: "iproute2",
  bridge: "iproute2",
  nft: "nftables",
  conntrack: "conntrack",
  iptables: "iptables",
  nsenter: "util-linux",
  unshare: "util-linux",
};

const TIMEOUT_MS: Millis = 30_000;
/** A host with 100,000 forwarding entries prints about 16 MiB of them. */
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;
const ERRORS_MAX_BYTES = 64 * 1024;

/** The real ones. */
export const systemCommands: Commands = {
  run({ argv, input }) {
    const [program, ...args] = argv;
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
      const fail = (error: unknown): void => {
        child.kill("SIGKILL");
        reject(asClusterError(program, error));
      };
      const timer = setTimeout(() => fail(slow(program)), TIMEOUT_MS);
      const read = reader(child, () => fail(tooMuch(program)));
      child.once("error", fail);
      child.once("close", (code) => {
        clearTimeout(timer);
        resolve({ status: code ?? -1, ...read() });
      });
      // One that ends before it has read everything says why on its error output.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  },
};

/** Collects both outputs; calls back when there is too much of the first. */
function reader(child: ChildProcessWithoutNullStreams, onTooMuch: () => void) {
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  const bytes = { output: 0, errors: 0 };
  child.stdout.on("data", (chunk: Buffer) => {
    bytes.output += chunk.length;
    if (bytes.output <= OUTPUT_MAX_BYTES) output.push(chunk);
    else onTooMuch();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    if (bytes.errors < ERRORS_MAX_BYTES) errors.push(chunk.subarray(0, ERRORS_MAX_BYTES - bytes.errors));
    bytes.errors += chunk.length;
  });
  return () => ({ output: Buffer.concat(output).toString(), errors: Buffer.concat(errors).toString() });
}

const slow = (program: string): ClusterError =>
  new ClusterError("timeout", `${program} did not end within ${String(TIMEOUT_MS / 1_000)} s and was killed`);
const tooMuch = (program: string): ClusterError =>
  new ClusterError("unavailable", `${program} printed more than ${String(OUTPUT_MAX_BYTES / 2 ** 20)} MiB`);

function asClusterError(program: string, error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
  if (!isMissing) return new ClusterError("unavailable", `${program} could not be run: ${messageOf(error)}`);
  return new ClusterError("unsupported", `the overlay needs the program "${program}": install ${packageOf(program)}`);
}

const packageOf = (program: string): string => {
  const name = PACKAGES[program];
  return name === undefined ? program : `the package ${name}`;
};

/**
 * Whether a program could not be run in a place because that is no namespace any more. The engine's path of one that has
 * ended is for a moment an ordinary file, which the kernel says is no valid argument; then it is gone.
 */
export const hasNoNamespace = ({ status, errors }: CommandResult): boolean => status !== 0 && NO_NAMESPACE.test(errors);
const NO_NAMESPACE =
  /^nsenter: (?:cannot open [^\n]*: No such (?:file or directory|process)|reassociate to namespace [^\n]* failed: Invalid argument)/m;
