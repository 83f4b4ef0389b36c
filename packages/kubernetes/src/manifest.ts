import { ClusterError } from "@murmur/base";
import {
  canonical,
  complete,
  decodeUtf8,
  didYouMean,
  Fields,
  fileProblem,
  parseYaml,
  problem,
  shown,
  type Mapping,
  type Tree,
} from "@murmur/compose";

import { FILE_BYTES_MAX, FILES_MAX } from "./limits.ts";
import { KIND_SHAPES, KINDS, OTHER_KINDS, type Kind } from "./schema/kinds.ts";
import { SERVER_FIELDS } from "./schema/metadata.ts";

/** A file as it is called in messages, and what it holds. */
export interface ManifestFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A part of a manifest that isn't honoured: where it stands, and what to do about it. */
export interface Unsupported {
  readonly path: string;
  /** `web.yaml:12`. */
  readonly at: string;
  readonly says?: string;
}

/** An object of a known kind, checked against its kind's fields. */
export interface Manifest {
  readonly kind: Kind;
  readonly name: string;
  readonly namespace: string | undefined;
  /** Remembers what was read: what nobody asks for is not honoured. */
  readonly fields: Fields;
  readonly metadata: Fields;
}

/** The objects of all files, lists followed. Those of kinds that a cluster hasn't are in `unsupported`. */
export function readManifests(files: readonly ManifestFile[]): {
  readonly manifests: readonly Manifest[];
  readonly unsupported: readonly Unsupported[];
} {
  if (files.length > FILES_MAX)
    throw new ClusterError("invalid_argument", `an application is at most ${FILES_MAX} files`);
  const manifests: Manifest[] = [];
  const unsupported: Unsupported[] = [];
  for (const tree of files.flatMap(documentsOf).flatMap(objectsOf)) {
    const kind = textIn(tree, "kind");
    if (kind === undefined) throw problem(tree.place, "", 'the field "kind" is missing, as in kind: Deployment');
    const known = KINDS.find((one) => one === kind);
    if (known === undefined) unsupported.push(otherKind(tree, kind));
    else manifests.push(manifestOf(tree, known));
  }
  checkNames(manifests);
  return { manifests, unsupported };
}

function documentsOf({ name, bytes }: ManifestFile): readonly Tree[] {
  if (bytes.length > FILE_BYTES_MAX) throw fileProblem(name, `the file is larger than ${FILE_BYTES_MAX >> 20} MiB`);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw fileProblem(name, "the file isn't UTF-8 text");
  const documents = parseYaml(text, name);
  if (documents.length === 0)
    throw fileProblem(name, "the file is empty; a manifest has apiVersion, kind and metadata");
  return documents;
}

/** The objects of a `List`, or the one that it is. */
function objectsOf(tree: Tree): readonly Mapping[] {
  if (tree.kind !== "mapping")
    throw problem(tree.place, "", "a manifest is a mapping, with apiVersion, kind and metadata");
  if (textIn(tree, "kind") !== "List") return [tree];
  const items = tree.entries.get("items");
  for (const [key, { place }] of tree.entries) {
    if (["apiVersion", "kind", "metadata", "items"].includes(key)) continue;
    throw problem(place, "List", `the field ${shown(key)} isn't known${didYouMean(key, ["items", "metadata"])}`);
  }
  if (items?.kind !== "list") throw problem((items ?? tree).place, "List.items", "a list of objects is expected");
  return items.items.flatMap(objectsOf);
}

function manifestOf(tree: Mapping, kind: Kind): Manifest {
  const { apiVersion, shape } = KIND_SHAPES[kind];
  const version = textIn(tree, "apiVersion");
  if (version !== apiVersion) {
    const place = (tree.entries.get("apiVersion") ?? tree).place;
    throw problem(place, kind, `apiVersion: ${apiVersion} is expected, not ${shown(version ?? "")}`);
  }
  const path = `${kind.toLowerCase()}/${nameIn(tree) ?? ""}`;
  const where = { path, directory: "/", home: undefined, countPorts: () => undefined };
  const checked = complete(canonical(tree, shape, where), shape, path);
  if (checked.kind !== "mapping") throw problem(tree.place, path, "a manifest is a mapping");
  const fields = new Fields(checked, path);
  for (const read of ["apiVersion", "kind", "status"]) fields.take(read);
  const metadata = fields.fields("metadata") ?? new Fields(tree, path);
  for (const server of SERVER_FIELDS) metadata.take(server);
  const name = metadata.text("name") ?? "";
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name)) {
    const expected = "a name of small letters, digits, dashes and dots is expected";
    throw problem(metadata.tree.place, `${path}.metadata.name`, `${expected}, not ${shown(name)}`);
  }
  return { kind, name, namespace: metadata.text("namespace"), fields, metadata };
}

function otherKind(tree: Mapping, kind: string): Unsupported {
  const says = Object.hasOwn(OTHER_KINDS, kind) ? OTHER_KINDS[kind] : undefined;
  const hint = says === undefined ? didYouMean(kind, KINDS) : "";
  if (hint !== "")
    throw problem((tree.entries.get("kind") ?? tree).place, "", `there is no kind ${shown(kind)}${hint}`);
  const path = `${kind.toLowerCase().slice(0, 80)}/${nameIn(tree) ?? ""}`;
  return { path, at: `${tree.place.file}:${tree.place.line}`, says: says ?? `there are ${KINDS.join(", ")} here` };
}

/** No object twice, and all in one namespace: a stack is one. */
function checkNames(manifests: readonly Manifest[]): void {
  const known = new Map<string, Manifest>();
  let first: Manifest | undefined;
  for (const manifest of manifests) {
    const { fields, namespace, kind, name } = manifest;
    const { place } = fields.tree;
    const key = `${kind}/${name}`;
    const rival = known.get(key)?.fields.tree.place;
    if (rival !== undefined)
      throw problem(place, fields.path, `it is there already, at ${rival.file}:${rival.line}; rename one`);
    known.set(key, manifest);
    if (kind === "Namespace") continue;
    first ??= manifest;
    if ((first.namespace ?? "default") !== (namespace ?? "default")) {
      const other = `${first.fields.path} is in ${shown(first.namespace ?? "default")}`;
      throw problem(
        place,
        `${fields.path}.metadata.namespace`,
        `a stack is one namespace, and ${other}; deploy the other as a stack of its own`,
      );
    }
  }
}

function nameIn(tree: Mapping): string | undefined {
  const metadata = tree.entries.get("metadata");
  return metadata?.kind === "mapping" ? textIn(metadata, "name")?.slice(0, 80) : undefined;
}

function textIn(tree: Mapping, key: string): string | undefined {
  const value = tree.entries.get(key);
  return value?.kind === "scalar" && typeof value.value === "string" ? value.text : undefined;
}
