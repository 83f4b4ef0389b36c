import type { ConfigId, SecretId } from "./ids.ts";

/** The file that a container finds. */
export interface FileTarget {
  /** An absolute path, else one in /run/secrets (secrets), or from the root (configs). */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Its permission bits. */
  readonly mode: number;
}

export interface SecretReference {
  readonly secretId: SecretId;
  /** Its name when the service was made: for people. */
  readonly secretName: string;
  readonly file: FileTarget;
}

export interface ConfigReference {
  readonly configId: ConfigId;
  readonly configName: string;
  readonly file: FileTarget;
}

/** Where a container finds a secret. */
export const secretTarget = ({ name }: FileTarget): string =>
  withoutParents(name.startsWith("/") ? name : `/run/secrets/${name}`);
/** Where a container finds a config. */
export const configTarget = ({ name }: FileTarget): string => withoutParents(name.startsWith("/") ? name : `/${name}`);

/** Takes the `..` out of an absolute path; above the root is the root. A path without them stays as it is. */
function withoutParents(path: string): string {
  const parts = path.split("/");
  if (!parts.includes("..")) return path;
  const kept: string[] = [];
  for (const part of parts) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return `/${kept.join("/")}`;
}
