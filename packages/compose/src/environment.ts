import { parseDotenv, parseRawEnv } from "./dotenv.ts";
import type { Variables } from "./interpolate.ts";
import { fileProblem, problem, type Place } from "./problem.ts";
import type { Fields } from "./read/fields.ts";
import type { Reading } from "./reading.ts";

export interface DotenvContext {
  readonly reading: Reading;
  readonly variables: Variables;
  readonly by?: { readonly place: Place; readonly path: string };
}

/** Variables of the named files, later ones winning; undefined: of the directory's `.env`, if there is one. */
export function readDotenv(
  files: readonly string[] | undefined,
  directory: string,
  context: DotenvContext,
): ReadonlyMap<string, string> {
  const { reading, variables, by } = context;
  const fallback = `${directory === "/" ? "" : directory}/.env`;
  const paths = files ?? (reading.exists(fallback) ? [fallback] : []);
  const found = new Map<string, string>();
  for (const path of paths) {
    if (!reading.exists(path)) {
      const text = `there is no file ${reading.shown(path)}`;
      throw by === undefined
        ? fileProblem(reading.shown(path), "there is no such file")
        : problem(by.place, by.path, text);
    }
    const known: Variables = { ...variables, get: (name) => variables.get(name) ?? found.get(name) };
    for (const [name, value] of parseDotenv(reading.text(path, by), reading.shown(path), known)) found.set(name, value);
  }
  return found;
}

/** `env_file`, then `environment` over it. A name alone takes its value from `variables`, or stays null. */
export function readEnvironment(
  service: Fields,
  path: string,
  context: DotenvContext,
): ReadonlyMap<string, string | null> {
  const { reading, variables } = context;
  const own = new Map<string, string | null>();
  for (const [name, value] of service.values("environment")) own.set(name, value ?? variables.get(name) ?? null);
  const all = new Map<string, string | null>();
  for (const [index, entry] of service.each("env_file").entries()) {
    const file = entry.text("path") ?? "";
    const required = entry.flag("required") ?? true;
    const raw = entry.text("format") === "raw";
    const by = { place: entry.tree.place, path: `${path}.env_file[${index}]` };
    if (!reading.exists(file)) {
      if (!required) continue;
      throw problem(by.place, by.path, `there is no file ${reading.shown(file)}; make it, or say required: false`);
    }
    const known: Variables = {
      ...variables,
      get: (name) => variables.get(name) ?? own.get(name) ?? all.get(name) ?? undefined,
    };
    const parse = raw ? parseRawEnv : parseDotenv;
    for (const [name, value] of parse(reading.text(file, by), reading.shown(file), known)) all.set(name, value);
  }
  for (const [name, value] of own) all.set(name, value);
  return all;
}

/** `label_file`, then `labels` over it. */
export function readLabels(service: Fields, path: string, context: DotenvContext): ReadonlyMap<string, string> {
  const { reading } = context;
  const all = new Map<string, string>();
  const known = reading.variables((name) => all.get(name));
  for (const [index, file] of service.texts("label_file").entries()) {
    const by = { place: service.tree.place, path: `${path}.label_file[${index}]` };
    for (const [name, value] of parseDotenv(reading.text(file, by), reading.shown(file), known)) all.set(name, value);
  }
  for (const [name, value] of service.labels("labels")) all.set(name, value);
  return all;
}
