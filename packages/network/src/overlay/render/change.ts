import { isSame, type KernelObject, type KernelObjects } from "../kernel-object.ts";

/** What has to be done in one place. An object that differs is in both lists. */
export interface Change {
  readonly removed: readonly KernelObject[];
  readonly added: readonly KernelObject[];
}

/** Kinds that live in our nftables table, and are gone with it. */
const IN_TABLE: readonly KernelObject["kind"][] = ["element", "chain"];

/**
 * The least that turns one place's objects into another's. What goes with a device or a table that has to be made anew is
 * made anew, too, and is not removed by itself.
 */
export function changeOf(from: KernelObjects, to: KernelObjects): Change {
  const made = remade(from, to);
  const goes = (object: KernelObject, key: string): boolean => {
    const kept = to.get(key);
    return (kept === undefined || !isSame(object, kept)) && !made(object);
  };
  const comes = (object: KernelObject, key: string): boolean => {
    const held = from.get(key);
    return held === undefined || !isSame(object, held) || made(object);
  };
  return {
    removed: [...from].filter(([key, object]) => goes(object, key)).map(([, object]) => object),
    added: [...to].filter(([key, object]) => comes(object, key)).map(([, object]) => object),
  };
}

/** Whether an object lives in a device or a table that is not, or will not be, what it was. */
function remade(from: KernelObjects, to: KernelObjects): (object: KernelObject) => boolean {
  const lasts = (key: string): boolean => {
    const [held, wanted] = [from.get(key), to.get(key)];
    return held !== undefined && wanted !== undefined && isSame(held, wanted);
  };
  const tableLasts = lasts("table");
  return (object) => {
    if (IN_TABLE.includes(object.kind)) return !tableLasts;
    return "device" in object && !lasts(`vxlan ${object.device}`);
  };
}
