import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { DevNode } from "./dev-layout.ts";

/** The process of a node, when it runs and is really this node's daemon: process numbers are used again. */
export async function runningProcess(node: DevNode): Promise<number | undefined> {
  const pid = Number(await readFile(node.pidFile, "utf8").catch(() => ""));
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  const words = await commandLine(pid);
  return words.includes("daemon") && words.includes(node.dataDir) ? pid : undefined;
}

export const writePid = (node: DevNode, pid: number): Promise<void> => writeFile(node.pidFile, `${String(pid)}\n`);

/** The words that a process was started with; none when there is no such process. */
async function commandLine(pid: number): Promise<readonly string[]> {
  if (process.platform === "linux") {
    return (await readFile(`/proc/${String(pid)}/cmdline`, "utf8").catch(() => "")).split("\0");
  }
  const ps = promisify(execFile)("ps", ["-ww", "-o", "args=", "-p", String(pid)]);
  return (await ps.catch(() => ({ stdout: "" }))).stdout.trim().split(/\s+/);
}
