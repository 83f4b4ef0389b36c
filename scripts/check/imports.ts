/** Fails when a package imports what the import table doesn't give it. Usage: node scripts/check/imports.ts */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { IMPORT_TABLE, NPM_TABLE, PURE_PACKAGES } from "./import-table.ts";

const root = resolve(import.meta.dirname, "../..");
const SPECIFIER =
  /(?:^|[^.\w])(?:import|export)\s*(?:type\s+)?(?:[\w*{}\s,$]+from\s*)?["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/gm;
/** Test tools, open to tests and to contract suites. */
const TEST_ONLY = ["vitest", "fast-check"];

function* sources(folder: string): Generator<string> {
  for (const name of readdirSync(folder).toSorted()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (name.endsWith(".ts") && !name.endsWith(".d.ts")) yield path;
  }
}

/** Imports inside type positions of comments or strings don't occur in this code base; a line-based read is enough. */
function specifiers(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  return [...code.matchAll(SPECIFIER)].map((match) => match[1] ?? match[2] ?? "").filter((name) => name !== "");
}

function problemOf(packageName: string, file: string, specifier: string): string | undefined {
  const isTest = /(\.test|-contract|\/contract-[\w-]+)\.ts$/.test(file) || file.includes("/testing/");
  if (specifier.startsWith(".")) {
    const target = resolve(file, "..", specifier);
    const home = join(root, "packages", packageName);
    if (!isTest && !target.startsWith(`${home}/`)) return "reaches out of its package by a relative path";
    return undefined;
  }
  if (specifier.startsWith("node:")) {
    return !isTest && PURE_PACKAGES.includes(packageName) ? "is pure and may not use Node's modules" : undefined;
  }
  if (specifier.startsWith("@murmur/")) {
    const other = specifier.slice("@murmur/".length);
    if (other.includes("/"))
      return `imports a file of another package; only ${specifier.split("/", 2).join("/")} is open`;
    if (isTest || other === packageName) return undefined;
    return IMPORT_TABLE[packageName]?.includes(other) === true ? undefined : `may not import ${other}`;
  }
  if (isTest && TEST_ONLY.includes(specifier)) return undefined;
  const allowed = NPM_TABLE[packageName] ?? [];
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  return isTest || allowed.includes(name) || allowed.includes(specifier)
    ? undefined
    : `may not import the npm package ${name}`;
}

const problems: string[] = [];
let files = 0;
for (const packageName of readdirSync(join(root, "packages")).toSorted()) {
  if (IMPORT_TABLE[packageName] === undefined) problems.push(`packages/${packageName} is not in the import table`);
  for (const file of sources(join(root, "packages", packageName, "src"))) {
    files += 1;
    for (const specifier of specifiers(readFileSync(file, "utf8"))) {
      const problem = problemOf(packageName, file, specifier);
      if (problem !== undefined) problems.push(`${relative(root, file)}: "${specifier}": ${packageName} ${problem}`);
    }
  }
}
for (const problem of problems) console.error(problem);
console.log(`import table: ${String(files)} files, ${String(problems.length)} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
