import { isPlainObject } from "@murmur/model";

/**
 * A digest of plain values that doesn't depend on the order of keys, nor on that of the values added. Two lanes of 32
 * bits, FNV-1a over what is in a value, mixed by MurmurHash3's finalizer. It tells replicas apart that differ by
 * accident; it is no protection against anybody.
 */
export class Digest {
  #low = 0;
  #high = 0;
  /** The digests of specs: many tasks share one. */
  readonly #specs = new WeakMap<object, number>();

  /** Adds one value. */
  add(value: unknown): void {
    const hash = this.#hash(value, 0x811c9dc5);
    this.#low = (this.#low + mix(hash)) | 0;
    this.#high = (this.#high + mix(hash ^ 0x5bd1e995)) | 0;
  }

  text(): string {
    const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  #hash(value: unknown, seed: number): number {
    if (typeof value === "string") return text(value, seed ^ 1);
    if (typeof value === "number") return text(String(value), seed ^ 2);
    if (typeof value === "boolean") return mix(seed ^ (value ? 3 : 4));
    if (Array.isArray(value)) return value.reduce<number>((hash, item) => this.#hash(item, mix(hash)), seed ^ 5);
    return isPlainObject(value) ? mix(seed ^ this.#ofObject(value)) : mix(seed ^ 6);
  }

  #ofObject(value: Readonly<Record<string, unknown>>): number {
    let sum = 7;
    for (const key of Object.keys(value)) {
      const field = value[key];
      if (field === undefined) continue;
      const seed = text(key, 0x811c9dc5);
      sum =
        (sum + mix(key === "spec" && isPlainObject(field) ? this.#ofSpec(field) ^ seed : this.#hash(field, seed))) | 0;
    }
    return sum;
  }

  #ofSpec(spec: Readonly<Record<string, unknown>>): number {
    const known = this.#specs.get(spec);
    if (known !== undefined) return known;
    const hash = this.#ofObject(spec);
    this.#specs.set(spec, hash);
    return hash;
  }
}

/** 32 bits that follow from a text; others with each seed. */
export const hashOf = (value: string, seed: number): number => mix(text(value, 0x811c9dc5 ^ mix(seed))) >>> 0;

function text(value: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < value.length; at += 1) hash = Math.imul(hash ^ value.charCodeAt(at), 0x01000193);
  return hash;
}

function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
