import type { Family } from "./address.ts";

/** The host's own network namespace; any other place is the path of a container's. */
export const HOST = "host";
/** Where kernel objects live. */
export type Place = string;

/**
 * One thing in the kernel that the overlay makes. What is wanted and what was found are told in the same words, so that
 * they can be compared; addresses are in their canonical form.
 */
export type KernelObject =
  /** The engine's bridge, with the MAC address that it is given. */
  | { readonly kind: "bridge"; readonly name: string; readonly mac: string }
  | {
      readonly kind: "vxlan";
      readonly name: string;
      readonly bridge: string;
      readonly vni: number;
      readonly port: number;
      readonly local: string;
      readonly mtu: number;
      /** `VXLAN_SETTINGS`, or what was found instead. */
      readonly settings: string;
    }
  /** The node's own gateway address. Its prefix is of full length, by which it is told from the engine's. */
  | { readonly kind: "address"; readonly bridge: string; readonly address: string }
  /** A container's port on the bridge is in hairpin mode. */
  | { readonly kind: "hairpin"; readonly port: string }
  /** The node behind which a MAC address is. */
  | { readonly kind: "forward"; readonly device: string; readonly mac: string; readonly underlay: string }
  /** That the bridge sends a MAC address to the VXLAN device, without asking all its ports. */
  | { readonly kind: "member"; readonly device: string; readonly mac: string }
  /** What the VXLAN device answers to questions for an address (ARP, neighbour solicitation). */
  | { readonly kind: "neighbour"; readonly device: string; readonly address: string; readonly mac: string }
  /** A rule in Docker's own chain for users that lets redirected flows through, into a bridge or out of it. */
  | { readonly kind: "accept"; readonly family: Family; readonly direction: "in" | "out"; readonly bridge: string }
  /** The fixed part of our nftables table: maps, sets, and the chains that read them. `altered` is only ever found. */
  | { readonly kind: "table"; readonly form: "ours" | "altered" }
  /** One entry of a map or of a set of the table. `value` is empty in a set. */
  | { readonly kind: "element"; readonly map: string; readonly key: string; readonly value: string }
  /** How a flow to one virtual address or published port is given a task. */
  | { readonly kind: "chain"; readonly name: string; readonly choice: Choice }
  /** That what is marked is routed by the table of that number. */
  | { readonly kind: "rule"; readonly family: Family; readonly mark: number }
  /** The one route of that table. */
  | { readonly kind: "route"; readonly family: Family; readonly mark: number; readonly via: string }
  /** The default route of a container in several networks. The engine made one by rules of its own; it is never removed. */
  | { readonly kind: "exit"; readonly family: Family; readonly via: string };

export type Choice =
  | {
      readonly kind: "redirect";
      readonly family: Family;
      /** Undefined: all that has the address. */
      readonly protocol?: string;
      readonly port?: number;
      readonly pick: "random" | "inc" | "hash";
      /** Addresses of tasks; the number that is picked is a position in it. Never empty. */
      readonly slots: readonly string[];
    }
  | { readonly kind: "refuse" }
  /** A rule that somebody else wrote; only ever found, never wanted. */
  | { readonly kind: "foreign"; readonly text: string };

/** By `keyOf`. */
export type KernelObjects = ReadonlyMap<string, KernelObject>;
export type KernelState = ReadonlyMap<Place, KernelObjects>;

export const VXLAN_SETTINGS = "nolearning proxy up, port: learning off, flood off";

const keys = new WeakMap<KernelObject, string>();

/** What an object is known by in its place: two objects of the same key are the same thing in two states. */
export function keyOf(object: KernelObject): string {
  const key = keys.get(object) ?? makeKey(object);
  keys.set(object, key);
  return key;
}

function makeKey(object: KernelObject): string {
  switch (object.kind) {
    case "bridge":
    case "vxlan":
    case "chain":
      return `${object.kind} ${object.name}`;
    case "address":
      return `address ${object.bridge} ${object.address}`;
    case "forward":
    case "member":
      return `${object.kind} ${object.device} ${object.mac}`;
    case "neighbour":
      return `neighbour ${object.device} ${object.address}`;
    case "accept":
      return `accept ${String(object.family)} ${object.direction} ${object.bridge}`;
    case "hairpin":
      return `hairpin ${object.port}`;
    case "table":
      return "table";
    case "element":
      return `element ${object.map} ${object.key}`;
    case "rule":
    case "route":
      return `${object.kind} ${String(object.family)} ${String(object.mark)}`;
    case "exit":
      return `exit ${String(object.family)}`;
  }
}

/** Whether two objects of the same key are the same in all. */
export const isSame = (left: KernelObject, right: KernelObject): boolean => isEqual(left, right);

/** Whether two plain values are the same in all. Thousands are compared for each change: nothing is made meanwhile. */
export function isEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (!isRecord(left) || !isRecord(right)) return false;
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, at) => isEqual(item, right[at]));
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => Object.hasOwn(right, name) && isEqual(left[name], right[name]));
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** By key, in any order. */
export const objectsOf = (objects: readonly KernelObject[]): KernelObjects =>
  new Map(objects.map((object) => [keyOf(object), object]));

/** In the order of their keys, so that the same change is always rendered in the same words. */
export const inOrder = (objects: readonly KernelObject[]): readonly KernelObject[] =>
  objects.toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));

/** The name of the VXLAN device of a network. At most 15 characters, as the kernel wants it. */
export const vxlanName = (vni: number): string => `murmur-${String(vni)}`;
const VXLAN_NAME = /^murmur-[0-9]{1,8}$/;
/** Whether a device is one of ours, by its name. */
export const isVxlanName = (name: string): boolean => VXLAN_NAME.test(name);

/** The chain of a map's key. */
export const chainName = (map: string, key: string): string =>
  `${map}_${key.replaceAll(" . ", "_").replaceAll(":", "_")}`;
const CHAIN_NAME = /^(?:vip|any|bound)[46]_/;
/** Whether a chain is one of a map's key, and not of the table's fixed part. */
export const isChoiceChain = (name: string): boolean => CHAIN_NAME.test(name);
