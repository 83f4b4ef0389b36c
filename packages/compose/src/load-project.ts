import { ClusterError } from "@murmur/base";

import { fromCommandLine, loadFiles } from "./compose-file.ts";
import type { Scope } from "./documents.ts";
import { checkReferences, isActive, profilesOf } from "./consistency.ts";
import { readDotenv, readEnvironment, readLabels } from "./environment.ts";
import type { Variables } from "./interpolate.ts";
import { directoryOf } from "./paths.ts";
import type { ComposeSource } from "./ports.ts";
import { problem } from "./problem.ts";
import type { ComposeService, Project } from "./project.ts";
import type { Fields } from "./read/fields.ts";
import { readNetwork, readPayload, readVolume } from "./read/resource.ts";
import { readService } from "./read/service.ts";
import { Reading } from "./reading.ts";
import { application } from "./schema/application.ts";
import { complete } from "./schema/complete.ts";
import type { Mapping, Tree } from "./tree.ts";
import { encodeUtf8 } from "./utf8.ts";

export interface LoadOptions {
  /** Compose files, later ones over former ones; absolute, or relative to the source's `cwd`. At least one. */
  readonly files: readonly string[];
  /** Services with profiles are part of the application when one of theirs is here; `*` means all. */
  readonly profiles: readonly string[];
  /** What relative paths start at, and where `.env` is; left out: the directory of the first file. */
  readonly projectDirectory?: string;
  /** Instead of the files' `name:`; also the variable COMPOSE_PROJECT_NAME. */
  readonly name?: string;
  /** Called with each thing to know that isn't wrong, once. */
  readonly warn?: (warning: string) => void;
}

/**
 * Reads a Compose application by the Compose specification. Throws a `ClusterError` that names the file, the line and
 * the field, and says what is expected.
 */
export function loadProject(source: ComposeSource, options: LoadOptions): Project {
  const { tree, ...context } = loadTree(source, options);
  return readProject(tree, { ...context, options });
}

/** The names of all profiles that services of the files have, active or not, sorted. Throws as `loadProject`. */
export function loadProfiles(source: ComposeSource, options: LoadOptions): readonly string[] {
  const services = [...section(loadTree(source, options).tree, "services").values()];
  const names = services.flatMap((service) => (service.kind === "mapping" ? profilesOf(service) : []));
  return [...new Set(names)].toSorted();
}

/** The files merged, with variables put in. */
function loadTree(source: ComposeSource, options: LoadOptions): Omit<Context, "options"> & { readonly tree: Mapping } {
  const paths = options.files.map((path) => fromCommandLine(path, source.cwd));
  const [first] = paths;
  if (first === undefined)
    throw new ClusterError("invalid_argument", "no Compose file was given; name one, as in -c compose.yaml");
  const { projectDirectory } = options;
  const directory = projectDirectory === undefined ? directoryOf(first) : fromCommandLine(projectDirectory, source.cwd);
  const reading = new Reading(source, options.warn ?? (() => undefined));
  const fixed = new Map(options.name === undefined ? [] : [["COMPOSE_PROJECT_NAME", options.name]]);
  const shell = reading.variables(
    (name) => fixed.get(name) ?? (Object.hasOwn(source.env, name) ? source.env[name] : undefined),
  );
  const dotenv = readDotenv(undefined, directory, { reading, variables: shell });
  const variables = reading.variables((name) => shell.get(name) ?? dotenv.get(name));
  const scope: Scope = { reading, directory, home: source.env["HOME"], variables };
  const tree = complete(loadFiles(paths, scope, []), application, "");
  if (tree.kind !== "mapping") throw problem(tree.place, "", "a Compose file is a mapping");
  return { tree, reading, variables };
}

interface Context {
  readonly reading: Reading;
  readonly variables: Variables;
  readonly options: LoadOptions;
}

function readProject(tree: Mapping, { reading, variables, options }: Context): Project {
  const all = new Map<string, Mapping>();
  for (const [name, service] of section(tree, "services")) if (service.kind === "mapping") all.set(name, service);
  const context = { reading, variables };
  const files = {
    environment: (service: Fields, path: string) => readEnvironment(service, path, context),
    labels: (service: Fields, path: string) => readLabels(service, path, context),
  };
  const services = new Map<string, ComposeService>();
  for (const [name, service] of all) {
    if (isActive(service, options.profiles)) services.set(name, readService(name, service, files));
  }
  const named = tree.entries.get("name");
  const name = options.name ?? (named?.kind === "scalar" ? named.text : undefined);
  const dataOf = (fields: Fields, path: string): Uint8Array | undefined => readData(fields, path, context);
  const project: Project = {
    ...(name === undefined ? {} : { name }),
    services,
    networks: readEach(tree, "networks", readNetwork),
    volumes: readEach(tree, "volumes", readVolume),
    configs: readEach(tree, "configs", (payload, path) => readPayload(payload, path, dataOf)),
    secrets: readEach(tree, "secrets", (payload, path) => readPayload(payload, path, dataOf)),
  };
  checkReferences(project, all);
  return project;
}

function readEach<T>(tree: Mapping, key: string, read: (tree: Tree, path: string) => T): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const [name, value] of section(tree, key)) found.set(name, read(value, `${key}.${name}`));
  return found;
}

function section(tree: Mapping, key: string): ReadonlyMap<string, Tree> {
  const found = tree.entries.get(key);
  return found?.kind === "mapping" ? found.entries : new Map<string, Tree>();
}

/** What a config or secret holds. Undefined for a driver's own. */
function readData(
  fields: Fields,
  path: string,
  { reading, variables }: Omit<Context, "options">,
): Uint8Array | undefined {
  const { place } = fields.tree;
  const content = fields.text("content");
  if (content !== undefined) return encodeUtf8(content);
  const file = fields.text("file");
  if (file !== undefined) return reading.bytes(file, { place, path: `${path}.file` });
  const name = fields.text("environment");
  if (name === undefined) return undefined;
  const value = variables.get(name);
  if (value === undefined)
    throw problem(place, `${path}.environment`, `the variable ${name} is not set; set it, or use file`);
  return encodeUtf8(value);
}
