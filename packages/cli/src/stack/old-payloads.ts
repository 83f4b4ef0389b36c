import type { MurmurClient, Service } from "@murmur/api";
import { codeOf } from "@murmur/base";
import type { Payload } from "../payload/payload-kind.ts";
import type { StackWish } from "./convert/stack-wish.ts";
import { KEY_LABEL } from "./stack-name.ts";
import { PAYLOAD_FIELDS, PAYLOADS, standingOf, type Standing } from "./standing.ts";

type Field = (typeof PAYLOAD_FIELDS)[number];

/**
 * The stack's configs or secrets that its file doesn't have (any more): earlier contents of those that are called after
 * them, and with `all` the others too.
 */
export const oldPayloads = (
  field: Field,
  wish: StackWish,
  standing: Standing,
  { all }: { readonly all: boolean },
): readonly Payload[] => {
  const wanted = new Set(wish[field].map(({ name }) => name));
  return [...standing[field].values()].filter(
    ({ Spec }) => !wanted.has(Spec.Name) && (all || Spec.Labels[KEY_LABEL] !== undefined),
  );
};

/** Those that no service of the stack has, nor would have after a rollback. */
const unused = (field: Field, payloads: readonly Payload[], services: Iterable<Service>): readonly Payload[] => {
  const used = new Set(
    [...services]
      .flatMap(({ Spec, PreviousSpec }) => [Spec, PreviousSpec])
      .flatMap((spec) => {
        const container = spec?.TaskTemplate.ContainerSpec;
        return field === "configs"
          ? (container?.Configs ?? []).map(({ ConfigName }) => ConfigName)
          : (container?.Secrets ?? []).map(({ SecretName }) => SecretName);
      }),
  );
  return payloads.filter(({ Spec }) => !used.has(Spec.Name));
};

/** Removes what nothing uses any more. What somebody uses after all stays. */
export async function removeOldPayloads(
  client: MurmurClient,
  wish: StackWish,
  how: { readonly all: boolean },
): Promise<void> {
  const standing = await standingOf(client, wish.stack);
  for (const field of PAYLOAD_FIELDS) {
    for (const { ID } of unused(field, oldPayloads(field, wish, standing, how), standing.services.values())) {
      await PAYLOADS[field].remove(client, ID).catch((error: unknown) => {
        if (codeOf(error) !== "in_use" && codeOf(error) !== "not_found") throw error;
      });
    }
  }
}
