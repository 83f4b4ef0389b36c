import { interpolateTree } from "./interpolate-tree.ts";
import type { Variables } from "./interpolate.ts";
import { fileProblem, problem, type Place } from "./problem.ts";
import type { Reading } from "./reading.ts";
import { application } from "./schema/application.ts";
import { canonical } from "./schema/canonical.ts";
import { nameOf, type Mapping, type Tree } from "./tree.ts";
import { parseYaml } from "./yaml-tree.ts";

/** What an application's files are read with: the main one's, or that of an `include`. */
export interface Scope {
  readonly reading: Reading;
  /** The project directory: what relative paths start at. */
  readonly directory: string;
  readonly home: string | undefined;
  readonly variables: Variables;
}

/** The canonical documents of one file. */
export function readDocuments(
  path: string,
  scope: Scope,
  by?: { readonly place: Place; readonly path: string },
): readonly Mapping[] {
  const { reading } = scope;
  const file = reading.shown(path);
  if (/^[a-z+]{2,}:/.test(path) || path.includes("://"))
    throw fileProblem(file, "files are read from this host only; fetch it first");
  const documents = parseYaml(reading.composeFile(path, by), file);
  if (documents.length === 0) throw fileProblem(file, "the file is empty; a Compose file has services: at least");
  const where = {
    path: "",
    directory: scope.directory,
    home: scope.home,
    countPorts: (tree: Tree, at: string, count: number) => reading.countPorts(tree, at, count),
  };
  return documents.map((document) => {
    if (document.kind !== "mapping")
      throw problem(document.place, "", `a Compose file is a mapping, with services, not ${nameOf(document)}`);
    const tree = canonical(interpolateTree(document, scope.variables), application, where);
    if (tree.kind === "mapping" && tree.entries.has("version")) {
      reading.warn(
        `${file}: the attribute \`version\` is obsolete, it will be ignored, please remove it to avoid potential confusion`,
      );
    }
    if (tree.kind !== "mapping") throw problem(document.place, "", "a Compose file can't be reset as a whole");
    return tree;
  });
}
