import type { Duplex } from "node:stream";
import { drained, type ExecConfig, type ExecName, type MurmurClient } from "@murmur/api";
import { ClusterError, messageOf, sleep, type Millis } from "@murmur/base";
import type { Cli } from "../cli.ts";
import { EXIT_STATUS, FAILURE } from "../exit-status.ts";
import { untilDetached } from "./detach-keys.ts";

/** The engine closes the connection a moment before it knows the exit code. */
const EXIT_LOOKS = 5;
const EXIT_LOOK_MS: Millis = 100;

export interface ExecWish {
  readonly config: ExecConfig;
  /** Started, and not looked at. */
  readonly detach: boolean;
  /** By which a person at the terminal leaves a command that goes on. The engine's own are of no use: some break it. */
  readonly detachKeys: Uint8Array;
}

/**
 * Runs a command in a task's container, with this process's terminal, input, output and signals; its exit code becomes this
 * process's. Errors: the engine's refusal; `unavailable` when the connection breaks.
 */
export async function runExec(cli: Cli, task: string, { config, detach, detachKeys }: ExecWish): Promise<void> {
  const client = await cli.client();
  const exec: ExecName = { task, id: await client.createExec(task, config) };
  if (detach) return client.startExecDetached(exec);
  const over = new AbortController();
  const { ports } = cli;
  const { Tty: tty, AttachStdin: attached } = config;
  const leave = (why: string, status: number): void => {
    if (over.signal.aborted) return;
    cli.note(why);
    cli.exitStatus = status;
    over.abort(new Error(why));
  };
  try {
    const connection = await client.startExec(exec, { tty, signal: over.signal });
    using _keys = tty && attached ? ports.stdin.raw() : undefined;
    using _sizes = tty ? ports.onResize(() => resize(cli, client, exec)) : undefined;
    // One that can't be passed on ends this process instead.
    using _signals = ports.onSignals(
      (name) =>
        void client
          .killExec(exec, name)
          .catch((error: unknown) => leave(`murmur: ${messageOf(error)}`, EXIT_STATUS.cancelled)),
    );
    if (tty) resize(cli, client, exec);
    const keys = untilDetached(ports.stdin.read(over.signal), tty ? detachKeys : new Uint8Array());
    if (attached)
      void feed(connection, keys, () => leave("read escape sequence", FAILURE)).catch(() => connection.destroy());
    else connection.end();
    await show(cli, connection, tty);
    if (!over.signal.aborted) cli.exitStatus = await exitCodeOf(cli, client, exec);
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    over.abort(new Error("over"));
  }
}

async function show(cli: Cli, connection: Duplex, tty: boolean): Promise<void> {
  const { stdout, stderr } = cli.ports;
  try {
    if (tty) {
      for await (const bytes of connection) await stdout.writeBytes(bytes as Uint8Array);
      return;
    }
    const { readFrames } = await import("@murmur/api");
    for await (const frames of readFrames(connection))
      for (const { stream, payload } of frames) await (stream === 2 ? stderr : stdout).writeBytes(payload);
  } catch (error) {
    throw lost(error);
  }
}

const lost = (cause: unknown): ClusterError =>
  new ClusterError("unavailable", `lost the connection to the command: ${messageOf(cause)}`, { cause });

/** Writes input as fast as it is taken; its end is the command's end of input. */
async function feed(
  connection: Duplex,
  input: AsyncGenerator<Uint8Array, boolean, undefined>,
  onDetached: () => void,
): Promise<void> {
  for (let next = await input.next(); ; next = await input.next()) {
    if (connection.destroyed) return;
    if (next.done === true) return next.value ? onDetached() : void connection.end();
    if (!connection.write(next.value)) await drained(connection);
  }
}

async function exitCodeOf(cli: Cli, client: MurmurClient, exec: ExecName): Promise<number> {
  for (let looks = 0; looks < EXIT_LOOKS; looks += 1) {
    const { Running, ExitCode } = await client.exec(exec).catch((error: unknown) => {
      throw lost(error);
    });
    if (!Running && ExitCode !== null) return ExitCode;
    await sleep(cli.ports.clock, EXIT_LOOK_MS, new AbortController().signal);
  }
  return 0;
}

/** A terminal of the wrong size is a nuisance; a command that has ended meanwhile has none. */
function resize(cli: Cli, client: MurmurClient, exec: ExecName): void {
  const { rows, columns } = cli.ports.stdout;
  if (rows > 0) void client.resizeExec(exec, { rows, columns }).catch(() => {});
}
