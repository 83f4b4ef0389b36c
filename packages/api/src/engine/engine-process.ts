import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { ClusterError, messageOf } from "@murmur/base";

/**
 * Sends a signal to a process that the engine has started in a container; Docker's API has no way to do so for a command
 * that was run there. Errors: `invalid_argument` for a signal that there isn't; `failed_precondition` where this daemon
 * doesn't see the engine's processes.
 */
export async function sendSignal(
  pid: number,
  { name, container }: { readonly name: string; readonly container: string },
): Promise<void> {
  const number = signalNumber(name);
  // Of the engine's own numbering: the same only if the process at this number here is in that container.
  const groups = pid > 1 ? await readFile(`/proc/${String(pid)}/cgroup`, "utf8").catch(() => "") : "";
  if (!groups.includes(container))
    throw new ClusterError(
      "failed_precondition",
      "the task's node can't pass signals on: its daemon doesn't see the engine's processes",
    );
  try {
    process.kill(pid, number);
  } catch (error) {
    // It may just have ended.
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return;
    throw new ClusterError("failed_precondition", `the signal can't be passed on: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function signalNumber(name: string): number {
  const long = name.toUpperCase().startsWith("SIG") ? name.toUpperCase() : `SIG${name.toUpperCase()}`;
  const found = Object.entries(constants.signals).find(([known]) => known === long)?.[1] ?? Number(name);
  if (Number.isInteger(found) && found > 0 && found <= 64) return found;
  throw new ClusterError("invalid_argument", `invalid signal: ${name}`);
}
