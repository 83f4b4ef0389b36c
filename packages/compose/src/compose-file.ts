import { readDocuments, type Scope } from "./documents.ts";
import { directoryOf, isAbsolute, resolvePath } from "./paths.ts";
import { problem } from "./problem.ts";
import { application } from "./schema/application.ts";
import { merge } from "./schema/merge.ts";
import { isSame, mappingAt, type Mapping, type Tree } from "./tree.ts";
import { ExtendsResolver } from "./extends.ts";
import { readDotenv } from "./environment.ts";

/** Files merged, later ones winning, their `include` and `extends` followed. `chain`: the files that include these. */
export function loadFiles(paths: readonly string[], scope: Scope, chain: readonly string[]): Mapping {
  let merged: Tree | undefined;
  for (const path of paths) {
    for (const document of readDocuments(path, scope)) {
      const included = withIncluded(document, scope, [...chain, path]);
      const extended = new ExtendsResolver(path, included, scope).resolve();
      merged = merged === undefined ? extended : merge(merged, extended, application);
    }
  }
  return merged?.kind === "mapping"
    ? merged
    : mappingAt(new Map(), { file: scope.reading.shown(paths[0] ?? ""), line: 1 });
}

const SECTIONS = ["services", "networks", "volumes", "configs", "secrets", "models"];

/** A document with what it includes beside its own; the same name may say only the same. */
function withIncluded(document: Mapping, scope: Scope, chain: readonly string[]): Mapping {
  const list = document.entries.get("include");
  const entries = new Map(document.entries);
  entries.delete("include");
  if (list?.kind !== "list") return mappingAt(entries, document.place);
  for (const [index, item] of list.items.entries()) {
    if (item.kind !== "mapping") continue;
    const path = `include[${index}]`;
    const included = loadIncluded(item, path, scope, chain);
    for (const section of SECTIONS) {
      const theirs = included.entries.get(section);
      if (theirs?.kind !== "mapping") continue;
      const ours = entries.get(section);
      const all = new Map(ours?.kind === "mapping" ? ours.entries : []);
      for (const [name, tree] of theirs.entries) {
        const rival = all.get(name);
        if (rival !== undefined && !isSame(rival, tree)) {
          const at = `${tree.place.file}:${tree.place.line}`;
          throw problem(
            rival.place,
            `${section}.${name}`,
            `what is included at ${at} has the same name and says something else; rename one`,
          );
        }
        all.set(name, tree);
      }
      entries.set(section, mappingAt(all, ours?.place ?? theirs.place));
    }
  }
  return mappingAt(entries, document.place);
}

function loadIncluded(item: Mapping, path: string, scope: Scope, chain: readonly string[]): Mapping {
  const paths = textsOf(item.entries.get("path"));
  const [main] = paths;
  if (main === undefined) throw problem(item.place, path, 'the field "path" is missing');
  const loop = chain.indexOf(main);
  if (loop !== -1) {
    const names = [...chain.slice(loop), main].map((file) => scope.reading.shown(file));
    throw problem(item.place, path, `files include each other: ${names.join(" includes ")}; take one include out`);
  }
  const given = textsOf([...item.entries].find(([key]) => key === "project_directory")?.[1])[0];
  const directory = given ?? directoryOf(main);
  const by = { place: item.place, path };
  const files = textsOf(item.entries.get("env_file")).filter((file) => file !== "/dev/null");
  const found = readDotenv(files.length > 0 || item.entries.has("env_file") ? files : undefined, directory, {
    reading: scope.reading,
    variables: scope.variables,
    by,
  });
  const variables = scope.reading.variables((name) => scope.variables.get(name) ?? found.get(name));
  for (const file of paths)
    if (!scope.reading.exists(file)) throw problem(item.place, path, `there is no file ${scope.reading.shown(file)}`);
  return loadFiles(paths, { ...scope, directory, variables }, chain);
}

function textsOf(tree: Tree | undefined): readonly string[] {
  if (tree?.kind === "scalar") return [tree.text];
  return tree?.kind === "list" ? tree.items.flatMap((item) => (item.kind === "scalar" ? [item.text] : [])) : [];
}

/** A path of the command line. */
export function fromCommandLine(path: string, cwd: string): string {
  return isAbsolute(path) ? path : resolvePath(cwd, path);
}
