import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ComposeSource } from "@murmur/compose";
import { messageOf } from "@murmur/base";
import { invalid } from "../argument-error.ts";
import type { CliPorts } from "../ports.ts";
import { readAll } from "../read-file.ts";

/** More than any file of an application has, and than a config may. */
const FILE_BYTES_MAX = 8 * 1024 * 1024;
const READ_BYTES = 64 * 1024;
/** Names of a directory's own file, the first that is there; and of what is put over it. */
const OWN_NAMES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDE_NAMES = [
  "compose.override.yaml",
  "compose.override.yml",
  "docker-compose.override.yml",
  "docker-compose.override.yaml",
];
/** What standard input is called in messages. */
export const STDIN = "/dev/stdin";

/** Which files are read, and how. */
export interface ComposeInput {
  readonly source: ComposeSource;
  readonly files: readonly string[];
  /** Where relative paths of the files start. */
  readonly projectDirectory: string;
}

/**
 * The files that are named, `-` being standard input; without any, the directory's own and what overrides it. Files of
 * `envFiles` stand in the place of `.env`. Errors: `invalid_argument`.
 */
export async function composeInput(
  { env, stdin }: Pick<CliPorts, "env" | "stdin">,
  named: { readonly files: readonly string[]; readonly envFiles: readonly string[] },
): Promise<ComposeInput> {
  const cwd = resolve(".");
  if (named.files.filter((file) => file === "-").length > 1)
    throw invalid("standard input can be read only once: one -c -");
  const files =
    named.files.length === 0 ? ownFiles(cwd) : named.files.map((file) => (file === "-" ? STDIN : resolve(cwd, file)));
  const [first = STDIN] = files;
  const projectDirectory = first === STDIN ? cwd : dirname(first);
  const given = new Map<string, Uint8Array>();
  if (files.includes(STDIN)) given.set(STDIN, await readStdin({ stdin }));
  const variables = named.envFiles.map((file) => readFile(resolve(cwd, file)));
  if (variables.length > 0)
    given.set(join(projectDirectory, ".env"), Buffer.concat(variables.flatMap((bytes) => [bytes, Buffer.from("\n")])));
  return {
    files,
    projectDirectory,
    source: {
      cwd,
      env,
      exists: (path) => given.has(path) || existsSync(path),
      readFile: (path) => given.get(path) ?? readFile(path),
    },
  };
}

function ownFiles(cwd: string): readonly string[] {
  const find = (names: readonly string[]): string | undefined =>
    names.map((name) => join(cwd, name)).find((path) => existsSync(path));
  const own = find(OWN_NAMES);
  if (own === undefined)
    throw invalid(`there is no ${OWN_NAMES.slice(0, 3).join(", ")} in ${cwd}: name a Compose file with -c`);
  const override = find(OVERRIDE_NAMES);
  return override === undefined ? [own] : [own, override];
}

/** A file that a user names, or a pipe. Errors: `invalid_argument` with the path and why. */
export function readFile(path: string): Uint8Array {
  try {
    const file = openSync(path, "r");
    try {
      return contentsOf(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw invalid(`can't read ${path}: ${messageOf(error)}`);
  }
}

/** What a pipe or a device has to say has no size that could be asked for. */
function contentsOf(file: number): Uint8Array {
  const read: Uint8Array[] = [];
  for (let size = 0; size <= FILE_BYTES_MAX;) {
    const part = Buffer.alloc(READ_BYTES);
    const bytes = readSync(file, part);
    if (bytes === 0) return Buffer.concat(read);
    read.push(part.subarray(0, bytes));
    size += bytes;
  }
  throw new Error(`it has more than ${String(FILE_BYTES_MAX)} bytes`);
}

/** All of standard input, as much as a file may have. Errors: `invalid_argument`. */
export const readStdin = ({ stdin }: Pick<CliPorts, "stdin">): Promise<Uint8Array> =>
  readAll(stdin.read(), "standard input", FILE_BYTES_MAX);
