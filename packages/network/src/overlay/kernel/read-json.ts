/** Reading of JSON that a program printed: what isn't there, or isn't of the kind, is undefined and never an error. */
export type Json = unknown;

/** The text as JSON; an empty one, which programs print for "none", is an empty list. */
export function parseJson(text: string): Json {
  return text.trim() === "" ? [] : JSON.parse(text);
}

export const fieldOf = (value: Json, ...path: readonly string[]): Json => {
  let found = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Reflect.get(found, name);
  }
  return found;
};

export const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : []);
export const textOf = (value: Json): string => (typeof value === "string" ? value : "");
/** A number, also one that is printed as text (`"0xa0900fe"`); NaN for what is none. */
export const numberOf = (value: Json): number =>
  typeof value === "number" ? value : typeof value === "string" && value !== "" ? Number(value) : Number.NaN;
