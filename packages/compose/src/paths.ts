/** Paths of files as Linux and macOS write them. */

export function isAbsolute(path: string): boolean {
  return path.startsWith("/") || isWindowsPath(path);
}

/** `C:\data`, `\\server\share` or a named pipe: paths of Windows nodes, left as they are. */
export function isWindowsPath(path: string): boolean {
  return /^[A-Za-z]:[\\/]/.test(path) || path.startsWith("\\\\");
}

/** `path` as seen from `directory`, without `.` and `..`; both absolute or `path` relative. */
export function resolvePath(directory: string, path: string): string {
  return isAbsolute(path) ? cleanPath(path) : cleanPath(`${directory}/${path}`);
}

export function cleanPath(path: string): string {
  if (isWindowsPath(path)) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!path.startsWith("/")) parts.push(part);
  }
  const joined = parts.join("/");
  return path.startsWith("/") ? `/${joined}` : joined || ".";
}

export function directoryOf(path: string): string {
  return cleanPath(`${path}/..`);
}

/** A path as a user below `directory` would write it. */
export function shownPath(path: string, directory: string): string {
  const prefix = directory.endsWith("/") ? directory : `${directory}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}
