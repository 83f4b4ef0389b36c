import { encodeUtf8, problem, shown, textOf, type Fields } from "@murmur/compose";

import { decodeBase64 } from "../base64.ts";
import type { Manifest } from "../manifest.ts";

/** What a ConfigMap or Secret holds, by key. */
export type Payload = ReadonlyMap<string, Uint8Array>;

export function readPayload({ kind, fields }: Manifest): Payload {
  fields.take("immutable");
  fields.take("type");
  const held = new Map<string, Uint8Array>();
  const [plain, encoded] = kind === "Secret" ? ["stringData", "data"] : ["data", "binaryData"];
  for (const [key, bytes] of decoded(fields, encoded)) held.set(key, bytes);
  for (const [key, tree] of fields.entries(plain)) {
    // A Secret's stringData wins over its data; in a ConfigMap the same key twice is a mistake.
    if (kind === "ConfigMap" && held.has(key))
      throw problem(tree.place, `${fields.path}.data.${key}`, "binaryData has the same key; leave one of the two");
    held.set(checkedKey(key, fields), encodeUtf8(textOf(tree)));
  }
  return held;
}

function* decoded(fields: Fields, field: string): Iterable<[string, Uint8Array]> {
  for (const [key, tree] of fields.entries(field)) {
    const bytes = decodeBase64(textOf(tree));
    if (bytes === undefined) {
      const hint = field === "data" ? "; plain text goes under stringData" : "";
      throw problem(tree.place, `${fields.path}.${field}.${key}`, `base64 is expected${hint}`);
    }
    yield [checkedKey(key, fields), bytes];
  }
}

function checkedKey(key: string, fields: Fields): string {
  if (/^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== "." && key !== "..") return key;
  throw problem(
    fields.tree.place,
    fields.path,
    `a key has letters, digits, dashes, underscores and dots only, not ${shown(key)}`,
  );
}
