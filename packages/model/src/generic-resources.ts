import type { Reservations } from "./service-spec.ts";

const NOTHING: readonly (readonly [kind: string, amount: number])[] = [];

/** How much of each kind is reserved, by number and by name together; sorted by kind. */
export function reservedGeneric({
  generic,
  genericNames,
}: Pick<Reservations, "generic" | "genericNames">): readonly (readonly [kind: string, amount: number])[] {
  if (generic === undefined && genericNames === undefined) return NOTHING;
  const amounts = new Map(Object.entries(generic ?? {}));
  for (const [kind, names] of Object.entries(genericNames ?? {}))
    amounts.set(kind, (amounts.get(kind) ?? 0) + names.length);
  return [...amounts].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
