import { statfsSync } from "node:fs";

const TMPFS = 0x01021994;

/**
 * Where files of tasks are kept when nobody says: `/run/murmur` (another user: the runtime directory), where `/run` is in
 * memory as on most hosts, else `/dev/shm`, which always is; a container has its own.
 */
export function filesDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const uid = process.getuid?.() ?? 0;
  const runtime = uid === 0 ? "/run" : env["XDG_RUNTIME_DIR"];
  if (runtime !== undefined && isTmpfs(runtime)) return `${runtime}/murmur/files`;
  return uid === 0 ? "/dev/shm/murmur" : `/dev/shm/murmur-${String(uid)}`;
}

function isTmpfs(path: string): boolean {
  try {
    return statfsSync(path).type === TMPFS;
  } catch {
    return false;
  }
}
