import type { GenericOffer, Reservations } from "./service-spec.ts";

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

/** What is there of a kind; undefined: none. A kind may be called as what every object has: `constructor`. */
export const ofKind = <T extends GenericOffer>(
  all: Readonly<Record<string, T>> | undefined,
  kind: string,
): T | undefined => (all !== undefined && Object.hasOwn(all, kind) ? all[kind] : undefined);
