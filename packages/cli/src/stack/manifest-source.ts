import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ManifestFile } from "@murmur/kubernetes";
import { invalid } from "../argument-error.ts";
import type { CliPorts } from "../ports.ts";
import { readFile, readStdin, STDIN } from "./compose-source.ts";

/**
 * The manifests of the named files, `-` being standard input, a directory all of its own, by name. They are called in
 * messages as they are named. Errors: `invalid_argument`.
 */
export async function manifestFiles(
  { stdin }: Pick<CliPorts, "stdin">,
  named: readonly string[],
): Promise<readonly ManifestFile[]> {
  if (named.filter((file) => file === "-").length > 1) throw invalid("standard input can be read only once: one -f -");
  const files: ManifestFile[] = [];
  for (const name of named) {
    if (name === "-") files.push({ name: STDIN, bytes: await readStdin({ stdin }) });
    else files.push(...filesAt(name).map((file) => ({ name: file, bytes: readFile(resolve(file)) })));
  }
  return files;
}

function filesAt(name: string): readonly string[] {
  if (statSync(resolve(name), { throwIfNoEntry: false })?.isDirectory() !== true) return [name];
  const found = readdirSync(resolve(name)).filter((file) => /\.(ya?ml|json)$/.test(file));
  if (found.length === 0) throw invalid(`${name} has no files that end with .yaml, .yml or .json`);
  return found.toSorted().map((file) => join(name, file));
}
