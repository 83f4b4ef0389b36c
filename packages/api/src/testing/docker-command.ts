import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** What a docker command said, and the code that it ended with (-1: by a signal). */
export interface DockerResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real docker command, with this for its input, whatever it ends with. Rejects where there is none. */
export async function dockerCommand(args: readonly string[], input = ""): Promise<DockerResult> {
  const child = spawn("docker", args);
  const ended = once(child, "close") as Promise<[number | null]>;
  // A command that reads no input may be over before it gets any (EPIPE). What it said and its code tell what came of it.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code: code ?? -1, stdout, stderr };
}
