import { ClusterError } from "@murmur/base";

/** Docker's list filters: several values of one name are alternatives (labels: all must fit), names are combined. */
export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /**
   * Reads the `filters` of a query: `{"name": ["web"]}`, or the older `{"name": {"web": true}}`. Errors:
   * `invalid_argument` for anything else and for a name that isn't in `accepted`.
   */
  static parse(text: string | undefined, accepted: readonly string[]): Filters {
    const values = new Map<string, readonly string[]>();
    if (text === undefined || text === "") return new Filters(values);
    for (const [name, given] of Object.entries(parseObject(text))) {
      if (!accepted.includes(name)) throw invalid(`invalid filter '${name}'`);
      values.set(name, parseValues(given));
    }
    return new Filters(values);
  }

  get(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** The same filters with the values of one name replaced. */
  with(name: string, values: readonly string[]): Filters {
    return new Filters(new Map(this.#values).set(name, values));
  }

  /** Whether the text is one of the wanted values; true when none are wanted. */
  is(name: string, text: string): boolean {
    const wanted = this.get(name);
    return wanted.length === 0 || wanted.includes(text);
  }

  /** Whether the text begins with one of the wanted values, in any case of letters for names as Docker has it. */
  beginsWith(name: string, text: string): boolean {
    const wanted = this.get(name);
    if (wanted.length === 0) return true;
    const lower = text.toLowerCase();
    return wanted.some((value) => lower.startsWith(value.toLowerCase()));
  }

  /** Whether the labels have all the wanted ones: `KEY`, or `KEY=VALUE`. */
  hasLabels(name: string, labels: Readonly<Record<string, string>>): boolean {
    return this.get(name).every((wanted) => {
      const cut = wanted.indexOf("=");
      const key = cut < 0 ? wanted : wanted.slice(0, cut);
      const value = cut < 0 ? "" : wanted.slice(cut + 1);
      return Object.hasOwn(labels, key) && (value === "" || labels[key] === value);
    });
  }

  /** The values of a name, each of which must be one of `words`, in any case. Errors: `invalid_argument`. */
  words<const W extends string>(name: string, words: readonly W[]): readonly W[] {
    return this.get(name)
      .filter((value) => value !== "")
      .map((value) => {
        const word = words.find((candidate) => candidate === value.toLowerCase());
        if (word === undefined) throw invalid(`Invalid ${name} filter: '${value}'`);
        return word;
      });
  }
}

const invalid = (message: string): ClusterError => new ClusterError("invalid_argument", message);

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("invalid filter");
  }
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw invalid("invalid filter");
  return value;
}

function parseValues(given: unknown): readonly string[] {
  if (given === null) return [];
  if (Array.isArray(given) && given.every((value) => typeof value === "string")) return given;
  if (typeof given !== "object" || Array.isArray(given)) throw invalid("invalid filter");
  return Object.keys(given);
}
