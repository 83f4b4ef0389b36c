import { ClusterError } from "@murmur/base";
import type { GenericAmounts, GenericOffer } from "@murmur/model";
import type * as docker from "./service-types.ts";

interface Asked {
  readonly DiscreteResourceSpec?: { readonly Kind: string; readonly Value: number } | undefined;
}

/** What a service asks for, by kind; undefined: nothing. Errors: `invalid_argument` for a kind that is there twice. */
export function toGenericAmounts(list: readonly Asked[] = []): GenericAmounts | undefined {
  const amounts: Record<string, number> = {};
  for (const { DiscreteResourceSpec: asked } of list) {
    if (asked === undefined) continue;
    if (Object.hasOwn(amounts, asked.Kind)) {
      throw new ClusterError("invalid_argument", `invalid service: generic resource ${asked.Kind} is named twice`);
    }
    amounts[asked.Kind] = asked.Value;
  }
  return list.length === 0 ? undefined : amounts;
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
