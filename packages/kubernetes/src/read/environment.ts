import { decodeUtf8, problem, shown, type Fields } from "@murmur/compose";

import type { Context } from "../context.ts";
import { EXPANDED_LENGTH_MAX } from "../limits.ts";

/** What the cluster writes into a variable when it places a task: Docker's templates. */
const FIELD_TEMPLATES: Readonly<Record<string, string>> = {
  "metadata.name": "{{.Task.Name}}",
  "metadata.uid": "{{.Task.ID}}",
  "spec.nodeName": "{{.Node.Hostname}}",
};

/** A container's variables: `envFrom`, then `env` over it, `$(NAME)` put in. */
export class Environment {
  readonly values = new Map<string, string>();
  #length = 0;

  /** `container`: its fields. `namespace` and `labels`: what fieldRef may ask for. */
  constructor(
    container: Fields,
    context: Context,
    pod: { readonly namespace: string; readonly labels: ReadonlyMap<string, string> },
  ) {
    for (const source of container.each("envFrom")) this.#addAll(source, context);
    for (const entry of container.each("env")) {
      const name = entry.text("name") ?? "";
      if (!/^[^=\s\0]+$/.test(name))
        throw problem(entry.tree.place, `${entry.path}.name`, `${shown(name)} is no variable's name`);
      const from = entry.fields("valueFrom");
      const value = from === undefined ? this.#literal(entry) : this.#from(from, context, pod);
      if (value !== undefined) this.values.set(name, value);
    }
  }

  /** Puts variables into a text: `$(NAME)`; `$$(NAME)` stands for `$(NAME)`; one that isn't known stays. */
  expand(text: string, at: Fields): string {
    const expanded = text.replaceAll(/\$\$|\$\(([^()$]*)\)/g, (found, name: string | undefined) =>
      found === "$$" ? "$" : (this.values.get(name ?? "") ?? found),
    );
    this.#length += expanded.length;
    if (this.#length > EXPANDED_LENGTH_MAX) {
      const most = `more than ${EXPANDED_LENGTH_MAX} characters with its variables put in`;
      throw problem(at.tree.place, at.path, `a container's values have ${most}`);
    }
    return expanded;
  }

  #addAll(source: Fields, context: Context): void {
    const prefix = source.text("prefix") ?? "";
    for (const [field, kind] of [
      ["configMapRef", "configMaps"],
      ["secretRef", "secrets"],
    ] as const) {
      const reference = source.fields(field);
      if (reference === undefined) continue;
      const held = heldBy(reference, kind, context);
      for (const [key, bytes] of held ?? []) {
        const value = this.#textOf(bytes, reference, key);
        if (value !== undefined) this.values.set(prefix + key, value);
      }
    }
  }

  #literal(entry: Fields): string | undefined {
    const value = this.expand(entry.text("value") ?? "", entry);
    return this.#isPlain(value, entry, "value") ? value : undefined;
  }

  #from(
    from: Fields,
    context: Context,
    { namespace, labels }: { readonly namespace: string; readonly labels: ReadonlyMap<string, string> },
  ): string | undefined {
    for (const [field, kind] of [
      ["configMapKeyRef", "configMaps"],
      ["secretKeyRef", "secrets"],
    ] as const) {
      const reference = from.fields(field);
      if (reference === undefined) continue;
      const key = reference.text("key") ?? "";
      const optional = reference.flag("optional") === true;
      const bytes = heldBy(reference, kind, context)?.get(key);
      if (bytes !== undefined) return this.#textOf(bytes, reference, key);
      if (optional) return undefined;
      throw problem(
        reference.tree.place,
        reference.path,
        `${shown(reference.text("name") ?? "")} has no key ${shown(key)}`,
      );
    }
    const reference = from.fields("fieldRef");
    reference?.take("apiVersion");
    const path = reference?.text("fieldPath");
    if (reference === undefined || path === undefined) return undefined;
    const label = /^metadata\.labels\['(.+)'\]$/.exec(path)?.[1];
    if (label !== undefined) return labels.get(label) ?? "";
    if (path === "metadata.namespace") return namespace;
    if (Object.hasOwn(FIELD_TEMPLATES, path)) return FIELD_TEMPLATES[path];
    const known = [...Object.keys(FIELD_TEMPLATES), "metadata.namespace", "metadata.labels['NAME']"];
    reference.leave("fieldPath", reference.tree, `a task knows ${known.join(", ")} of itself, not ${shown(path)}`);
    return undefined;
  }

  #textOf(bytes: Uint8Array, reference: Fields, key: string): string | undefined {
    const text = decodeUtf8(bytes);
    if (text === undefined || text.includes("\0"))
      throw problem(reference.tree.place, reference.path, `what ${shown(key)} holds isn't text; mount it as a file`);
    return this.#isPlain(text, reference, key) ? text : undefined;
  }

  /** The cluster would take it for a template. */
  #isPlain(value: string, at: Fields, key: string): boolean {
    if (!value.includes("{{")) return true;
    at.leave(key, at.tree, "the cluster reads {{ in a variable as a template: mount it as a file of a ConfigMap");
    return false;
  }
}

/** What a reference means; undefined where it may be missing, and is. */
export function heldBy(
  reference: Fields,
  kind: "configMaps" | "secrets",
  context: Context,
  field = "name",
): ReadonlyMap<string, Uint8Array> | undefined {
  const name = reference.text(field) ?? "";
  const optional = reference.flag("optional") === true;
  const held = context[kind].get(name);
  if (held !== undefined || optional) return held;
  const word = kind === "secrets" ? "Secret" : "ConfigMap";
  throw problem(
    reference.tree.place,
    reference.path,
    `there is no ${word} ${shown(name)} in the files; add it, or say optional: true`,
  );
}
