import type { GenericResource } from "@murmur/api";

/** `gpu=2, ssd=1`; of what has names the names too: `gpu=2 (UUID1, UUID2)`. */
export function genericText(list: readonly GenericResource[]): string {
  const kinds = new Map<string, { count: number; readonly names: string[] }>();
  for (const resource of list) {
    const isNamed = "NamedResourceSpec" in resource;
    const kind = isNamed ? resource.NamedResourceSpec.Kind : resource.DiscreteResourceSpec.Kind;
    const known = kinds.get(kind) ?? { count: 0, names: [] };
    kinds.set(kind, known);
    known.count += isNamed ? 1 : resource.DiscreteResourceSpec.Value;
    if (isNamed) known.names.push(resource.NamedResourceSpec.Value);
  }
  return [...kinds]
    .map(([kind, { count, names }]) => `${kind}=${String(count)}${names.length > 0 ? ` (${names.join(", ")})` : ""}`)
    .join(", ");
}
