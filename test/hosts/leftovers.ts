import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { removeCable } from "./switched-network.ts";

const execFilePromised = promisify(execFile);

/** Names that `ownName` makes: boot, namespace of process numbers, number and start of the process. */
const NAME = /^murmur-test-([0-9a-f]{8}-[0-9]+)-([0-9]+)-([0-9]+)-/;

/** Where this process's number means something: other machines that use this engine have other boots. */
async function ownPlace(): Promise<string> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
  const namespace = await readlink("/proc/self/ns/pid");
  return `${boot.slice(0, 8)}-${/[0-9]+/.exec(namespace)?.[0] ?? "0"}`;
}

/** When a process began, in the kernel's ticks; undefined: there is no such process. */
async function startOf(pid: string): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The second field is the program's name in parentheses, with whatever it has in it.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/**
 * A name for what ends with this process: once it is gone, the next run takes away what is called so. Short enough for
 * sockets in a folder of that name.
 */
export async function ownName(): Promise<string> {
  const pid = String(process.pid);
  return ["murmur-test", await ownPlace(), pid, (await startOf(pid)) ?? "0", randomBytes(4).toString("hex")].join("-");
}

/** Where a registry of these tests has its settings: in a folder that is called by `ownName`. */
const REGISTRY = "docker-registry";
/** How often, and how long after one another, it is looked whether a process that was killed is gone. */
const LOOKS = 100;
const LOOK_MS = 50;

/** Ends the registries that have their settings in such a folder. */
async function endRegistries(isLeft: (name: string) => Promise<boolean>): Promise<void> {
  for (const pid of (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const [program = "", ...args] = line.split("\0");
    const folders = args.map((arg) => relative(tmpdir(), dirname(arg)));
    if (basename(program) !== REGISTRY || !(await anyOf(folders, isLeft))) continue;
    const start = await startOf(pid);
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      continue; // it has ended by itself, or is another user's
    }
    for (let look = 0; look < LOOKS && (await startOf(pid)) === start; look += 1) await sleep(LOOK_MS);
  }
}

async function anyOf(names: readonly string[], holds: (name: string) => Promise<boolean>): Promise<boolean> {
  for (const name of names) if (await holds(name)) return true;
  return false;
}

/**
 * Removes what processes have left behind that were killed in their middle: networks with all that is in them, registries,
 * and folders.
 * An engine has room for some thirty networks, and hosts that nobody asks any more take processor time.
 */
export async function removeLeftovers(): Promise<void> {
  const place = await ownPlace();
  const isLeft = async (name: string): Promise<boolean> => {
    const [, where, pid = "", start] = NAME.exec(name) ?? [];
    return where === place && (await startOf(pid)) !== start;
  };
  const networks = await docker("network", "ls", "--filter", "name=murmur-test-", "--format", "{{.Name}} {{.Driver}}");
  for (const [name = "", driver] of networks.map((line) => line.split(" "))) {
    if (!(await isLeft(name))) continue;
    const containers = await docker("ps", "-aq", "--filter", `network=${name}`);
    if (containers.length > 0) await docker("rm", "--force", "--volumes", ...containers);
    await docker("network", "rm", name);
    if (driver === "macvlan") await removeCable(name).catch(() => {});
  }
  await endRegistries(isLeft);
  // Another run may be removing the same.
  for (const name of await readdir(tmpdir()))
    if (await isLeft(name)) await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
}

/** The lines of an answer; none when the engine refuses. */
async function docker(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await execFilePromised("docker", args).catch(() => ({ stdout: "" }));
  return stdout.split("\n").filter((line) => line !== "");
}
