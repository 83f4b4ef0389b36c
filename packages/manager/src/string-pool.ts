/** Longer texts hardly ever come twice. */
const CHARS_MAX = 64;
/** Strings of one generation: more than the nodes and services of the largest cluster that the design speaks of. */
const GENERATION = 8_192;

/**
 * Gives equal strings one representation. Decoding makes a new string of every state, message and id of every record;
 * kept by a hundred thousand tasks these are a million small objects that each collection has to visit. Two generations
 * bound what the pool itself keeps: what isn't seen while a generation fills up is forgotten with the next.
 */
export class StringPool {
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  /** Replaces the strings within `value`, which is a tree that nobody else has yet, by those that were seen before. */
  share(value: unknown): void {
    if (Array.isArray(value)) {
      for (const [at, item] of value.entries())
        if (typeof item === "string") value[at] = this.#known(item);
        else this.share(item);
    } else if (isRecord(value)) {
      for (const key in value) {
        const item = value[key];
        if (typeof item === "string") value[key] = this.#known(item);
        else this.share(item);
      }
    }
  }

  #known(text: string): string {
    if (text.length > CHARS_MAX) return text;
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const known = this.#old.get(text) ?? text;
    if (this.#young.size >= GENERATION) [this.#old, this.#young] = [this.#young, new Map()];
    this.#young.set(known, known);
    return known;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
