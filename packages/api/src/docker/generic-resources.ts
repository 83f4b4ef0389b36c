import { ClusterError } from "@murmur/base";
import type { GenericOffer, Reservations } from "@murmur/model";
import type * as docker from "./service-types.ts";

interface Asked {
  readonly DiscreteResourceSpec?: { readonly Kind: string; readonly Value: number } | undefined;
  readonly NamedResourceSpec?: { readonly Kind: string; readonly Value: string } | undefined;
}

type Asking = Pick<Reservations, "generic" | "genericNames">;

/** What a service asks for, by kind. Errors: `invalid_argument` for a kind, or a name of it, that is there twice. */
export function toGeneric(list: readonly Asked[] = []): Asking {
  const amounts = new Map<string, number>();
  const names = new Map<string, string[]>();
  const twice = (what: string): ClusterError =>
    new ClusterError("invalid_argument", `invalid service: generic resource ${what} is named twice`);
  for (const { DiscreteResourceSpec: discrete, NamedResourceSpec: named } of list) {
    if (discrete !== undefined) {
      if (amounts.has(discrete.Kind)) throw twice(discrete.Kind);
      amounts.set(discrete.Kind, discrete.Value);
    }
    if (named === undefined) continue;
    const known = names.get(named.Kind) ?? [];
    if (known.includes(named.Value)) throw twice(`${named.Kind}=${named.Value}`);
    names.set(named.Kind, [...known, named.Value]);
  }
  return {
    ...(amounts.size > 0 && { generic: Object.fromEntries(amounts) }),
    ...(names.size > 0 && { genericNames: Object.fromEntries(names) }),
  };
}

/** The inverse of `toGeneric`; undefined when nothing is asked for. */
export function fromGenericAsked({ generic, genericNames }: Asking): docker.GenericResource[] | undefined {
  const list = [...(fromGeneric(generic) ?? []), ...(fromGeneric(genericNames) ?? [])];
  return list.length === 0 ? undefined : list;
}

/** By kind, in the order of their names; undefined when there is nothing. */
export function fromGeneric(
  generic: Readonly<Record<string, GenericOffer>> = {},
): docker.GenericResource[] | undefined {
  const kinds = Object.entries(generic).sort(([a], [b]) => (a < b ? -1 : 1));
  const list = kinds.flatMap(([Kind, offer]): docker.GenericResource[] =>
    typeof offer === "number"
      ? [{ DiscreteResourceSpec: { Kind, Value: offer } }]
      : offer.map((Value) => ({ NamedResourceSpec: { Kind, Value } })),
  );
  return list.length === 0 ? undefined : list;
}
