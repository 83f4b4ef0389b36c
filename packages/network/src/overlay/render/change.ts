import { inOrder, isSame, type KernelObject, type KernelObjects } from "../kernel-object.ts";

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
  const removed: KernelObject[] = [];
  const added: KernelObject[] = [];
  for (const [key, object] of from) {
    const kept = to.get(key);
    if ((kept === undefined || !isSame(object, kept)) && !made(object)) removed.push(object);
  }
  for (const [key, object] of to) {
    const held = from.get(key);
    if (held === undefined || !isSame(object, held) || made(object)) added.push(object);
  }
  return { removed: inOrder(removed), added: inOrder(added) };
}

/** Whether an object lives in a device or a table that is not, or will not be, what it was. */
function remade(from: KernelObjects, to: KernelObjects): (object: KernelObject) => boolean {
  const lasts = (key: string): boolean => {
    const [held, wanted] = [from.get(key), to.get(key)];
    // In neither: both have the same, which was left out.
    return held === wanted || (held !== undefined && wanted !== undefined && isSame(held, wanted));
  };
  const tableLasts = lasts("table");
  const devices = new Map<string, boolean>();
  return (object) => {
    if (IN_TABLE.includes(object.kind)) return !tableLasts;
    if (!("device" in object)) return false;
    const { device } = object;
    let isRemade = devices.get(device);
    if (isRemade === undefined) {
      isRemade = !lasts(`vxlan ${device}`);
      devices.set(device, isRemade);
    }
    return isRemade;
  };
}
