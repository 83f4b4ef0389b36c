import { chmod, chown, lstat, readFile, rename, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { ClusterError, messageOf, type Log } from "@murmur/base";

/** What the kernel takes as the path of a socket, without the NUL at its end. */
const PATH_BYTES_MAX = 107;

/**
 * Makes room for a socket: removes one that nobody listens on any more, as a process leaves behind that was killed.
 * Errors: `invalid_argument` for a path that is too long or is something else, `already_exists` when somebody answers.
 */
export async function clearSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(temporaryPath(path)) > PATH_BYTES_MAX) {
    throw new ClusterError("invalid_argument", `the socket's path ${path} is too long: give a shorter --socket`);
  }
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isSocket()) {
    throw new ClusterError("invalid_argument", `${path} is there and is no socket: give another --socket`);
  }
  if (await isAnswered(path)) {
    throw new ClusterError(
      "already_exists",
      `another daemon already answers at ${path}: stop it or give another --socket`,
    );
  }
  await unlink(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => resolve(!("code" in error) || error.code !== "ECONNREFUSED"));
  });
}

/** A socket is made under this name and gets its own once only the right people can use it. */
export const temporaryPath = (path: string): string => `${path}.${String(process.pid)}`;

export interface SocketAccess {
  readonly mode: number;
  /** The first of these groups that there is gets the socket. */
  readonly groups: readonly string[];
}

/** Gives a socket its owner and mode, then its final name. */
export async function publishSocket(path: string, access: SocketAccess, log: Log): Promise<void> {
  const temporary = temporaryPath(path);
  const group = await firstGroup(access.groups);
  if (group !== undefined) {
    await chown(temporary, process.getuid?.() ?? -1, group.id).catch((error: unknown) => {
      // Not root and not in the group: the socket stays its owner's.
      log.warn("the socket is for its owner only", { path, group: group.name, error: messageOf(error) });
    });
  }
  await chmod(temporary, access.mode);
  await rename(temporary, path);
}

async function firstGroup(
  names: readonly string[],
): Promise<{ readonly name: string; readonly id: number } | undefined> {
  const text = await readFile("/etc/group", "utf8").catch(() => "");
  const lines = text.split("\n").map((line) => line.split(":"));
  for (const name of names) {
    const id = lines.find((fields) => fields[0] === name)?.[2];
    if (id !== undefined && /^\d+$/.test(id)) return { name, id: Number(id) };
  }
  return undefined;
}

/** Identifies the file at a path, to remove only one's own. */
export async function fileIdentity(path: string): Promise<string | undefined> {
  const there = await lstat(path, { bigint: true }).catch(() => undefined);
  return there === undefined ? undefined : `${String(there.dev)}:${String(there.ino)}`;
}

export async function removeSocket(path: string, identity: string | undefined): Promise<void> {
  if (identity !== undefined && (await fileIdentity(path)) === identity) await unlink(path).catch(() => {});
}
