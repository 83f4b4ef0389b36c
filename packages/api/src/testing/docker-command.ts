import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** What a docker command said, and the code that it ended with (-1: by a signal). */
export interface DockerResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Longer than any command takes on a machine that is busy, and a little shorter than a test may take. */
const LIMIT_MS = 50_000;

/**
 * Runs the real docker command, with this for its input, whatever it ends with. Rejects where there is none, and when it
 * doesn't end.
 */
export async function dockerCommand(args: readonly string[], input = ""): Promise<DockerResult> {
  const child = spawn("docker", args);
  const ended = once(child, "close") as Promise<[number | null]>;
  let isLate = false;
  const limit = setTimeout(() => (isLate = child.kill("SIGKILL")), LIMIT_MS);
  // A command that reads no input may be over before it gets any (EPIPE). What it said and its code tell what came of it.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  try {
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    if (isLate) throw new Error(`docker ${args.join(" ")} didn't end within 50 s; it said: ${stdout}${stderr}`);
    return { code: code ?? -1, stdout, stderr };
  } finally {
    clearTimeout(limit);
  }
}
