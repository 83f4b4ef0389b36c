import { objectsOf, type KernelObject, type KernelObjects } from "./kernel-object.ts";

/** Objects that are made together. What comes out the same again is the same part, and nobody looks into it again. */
export type Part = readonly KernelObject[];

/** The objects of one place, in parts. No two of them have an object of the same key. Put together only where all are asked for. */
export class PartedObjects implements KernelObjects {
  readonly parts: readonly Part[];
  #byKey: KernelObjects | undefined;

  constructor(parts: readonly Part[]) {
    this.parts = parts;
  }

  get size(): number {
    return this.parts.reduce((sum, { length }) => sum + length, 0);
  }
  get(key: string): KernelObject | undefined {
    return this.#all.get(key);
  }
  has(key: string): boolean {
    return this.#all.has(key);
  }
  keys(): MapIterator<string> {
    return this.#all.keys();
  }
  values(): MapIterator<KernelObject> {
    return this.#all.values();
  }
  entries(): MapIterator<[string, KernelObject]> {
    return this.#all.entries();
  }
  [Symbol.iterator](): MapIterator<[string, KernelObject]> {
    return this.entries();
  }
  forEach(call: (object: KernelObject, key: string, all: KernelObjects) => void): void {
    for (const [key, object] of this) call(object, key, this);
  }

  get #all(): KernelObjects {
    return (this.#byKey ??= objectsOf(this.parts.flat()));
  }
}

const NOTHING: KernelObjects = new Map();

/** What other objects live in, and are gone with. */
const HOLDERS: readonly KernelObject["kind"][] = ["table", "vxlan"];

/**
 * The same pair without what both have: to turn the one into the other is the same work. Where a table or a device differs,
 * all that lives in it is of interest, and nothing is left out.
 */
export function apart(from: KernelObjects, to: KernelObjects): readonly [KernelObjects, KernelObjects] {
  if (from === to) return [NOTHING, NOTHING];
  if (!(from instanceof PartedObjects) || !(to instanceof PartedObjects)) return [from, to];
  const before = from.parts.filter(outside(to));
  const after = to.parts.filter(outside(from));
  const isHeld = [...before, ...after].some((part) => part.some(({ kind }) => HOLDERS.includes(kind)));
  return isHeld ? [from, to] : [objectsOf(before.flat()), objectsOf(after.flat())];
}

function outside({ parts }: PartedObjects): (part: Part) => boolean {
  const inside = new Set(parts);
  return (part) => !inside.has(part);
}
