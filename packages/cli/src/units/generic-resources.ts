import { invalid } from "../argument-error.ts";

/** What a node offers of a kind: so many, or these by name. */
export type GenericOffer = number | string[];

const KIND = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const AMOUNT_MAX = 2 ** 31;

/** `gpu=2`, also several apart by commas: kinds with their texts, in order. */
function pairsOf(texts: readonly string[]): readonly (readonly [kind: string, value: string])[] {
  const parts = texts.flatMap((text) => text.split(",")).map((part) => part.trim());
  return parts.map((part) => {
    const at = part.indexOf("=");
    const [kind, value] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at > 0 && KIND.test(kind) && value !== "") return [kind, value];
    throw invalid(`invalid generic resource '${part}': give KIND=VALUE, such as gpu=2`);
  });
}

function amountOf(kind: string, value: string): number | undefined {
  if (!/^[+-]?\d+$/.test(value)) return undefined;
  const amount = Number(value);
  if (amount >= 1 && amount <= AMOUNT_MAX) return amount;
  throw invalid(`invalid generic resource '${kind}=${value}': give a number from 1 to ${String(AMOUNT_MAX)}`);
}

/** What a service asks for: a number of each kind. Errors: `invalid_argument`. */
export function parseGenericRequest(texts: readonly string[]): Record<string, number> {
  const amounts: Record<string, number> = {};
  for (const [kind, value] of pairsOf(texts)) {
    const amount = amountOf(kind, value);
    if (amount === undefined) {
      throw invalid(
        `invalid generic resource '${kind}=${value}': a service asks for a number of them, such as ${kind}=1`,
      );
    }
    if (Object.hasOwn(amounts, kind)) throw invalid(`invalid generic resource: ${kind} is given twice`);
    amounts[kind] = amount;
  }
  return amounts;
}

/** What a node offers: a number of a kind, or names, one flag for each. Errors: `invalid_argument`. */
export function parseGenericOffer(texts: readonly string[]): Record<string, GenericOffer> {
  const offers: Record<string, GenericOffer> = {};
  for (const [kind, value] of pairsOf(texts)) {
    const before = Object.hasOwn(offers, kind) ? offers[kind] : undefined;
    const amount = amountOf(kind, value);
    if (amount !== undefined && before === undefined) offers[kind] = amount;
    else if (amount === undefined && before === undefined) offers[kind] = [value];
    else if (amount === undefined && Array.isArray(before) && !before.includes(value)) before.push(value);
    else throw invalid(`invalid generic resource '${kind}=${value}': give a kind one number, or different names`);
  }
  return offers;
}
