import { unreachable } from "@murmur/base";
import { HOST, type Choice, type KernelObject, type Place } from "../kernel-object.ts";
import type { Change } from "./change.ts";
import { CONTAINER_TABLE, HOST_TABLE, REFUSED_MARK, TABLE } from "./nft-table.ts";

/** Entries of a map that are written in one line. */
const ELEMENTS_PER_LINE = 256;
/** The same everywhere and for ever: with one of its own, each rendering would send clients elsewhere. */
const HASH_SEED = 0x6d75;

/**
 * One transaction: chains before the entries that lead to them, and after them when they go. Only what differs is
 * touched; established flows don't come by here at all, they are the connection tracking's.
 */
export function nftLines(place: Place, { removed, added }: Change): readonly string[] {
  const goneChains = removed.filter((object) => object.kind === "chain");
  const newChains = added.filter((object) => object.kind === "chain");
  const replaced = new Set(newChains.map(({ name }) => name));
  const dropped = goneChains.filter(({ name }) => !replaced.has(name));
  const isNewTable = added.some(({ kind }) => kind === "table");
  if (removed.some(({ kind }) => kind === "table") && !isNewTable) return removeTable();
  return [
    ...(isNewTable ? [...removeTable(), ...(place === HOST ? HOST_TABLE : CONTAINER_TABLE)] : []),
    ...newChains.flatMap(chainLines),
    ...elementLines("delete", removed),
    ...elementLines("add", added),
    ...dropped.flatMap(({ name }) => [`flush chain ${TABLE} ${name}`, `delete chain ${TABLE} ${name}`]),
  ];
}

/** Also where there is none. */
const removeTable = (): readonly string[] => [`add table ${TABLE}`, `delete table ${TABLE}`];

const chainLines = ({ name, choice }: KernelObject & { kind: "chain" }): readonly string[] => [
  `add chain ${TABLE} ${name}`,
  `flush chain ${TABLE} ${name}`,
  `add rule ${TABLE} ${name} ${choiceText(choice)}`,
];

function choiceText(choice: Choice): string {
  switch (choice.kind) {
    case "refuse":
      return `meta mark set ${String(REFUSED_MARK)}`;
    case "redirect": {
      const { family, protocol, port, pick, slots } = choice;
      const ip = family === 4 ? "ip" : "ip6";
      const size = String(slots.length);
      const source = `jhash ${ip} saddr mod ${size} seed ${String(HASH_SEED)}`;
      const number = pick === "hash" ? source : `numgen ${pick} mod ${size}`;
      const map = slots.map((address, slot) => `${String(slot)} : ${address}`).join(", ");
      const match = protocol === undefined ? "" : `meta l4proto ${protocol} `;
      return `${match}dnat ${ip} to ${number} map { ${map} }${port === undefined ? "" : ` : ${String(port)}`}`;
    }
    case "foreign":
      return "";
    default:
      return unreachable(choice);
  }
}

function elementLines(verb: "add" | "delete", objects: readonly KernelObject[]): readonly string[] {
  const byMap = new Map<string, string[]>();
  for (const object of objects) {
    if (object.kind !== "element") continue;
    const { map, key, value } = object;
    const entries = byMap.get(map) ?? [];
    byMap.set(map, entries);
    entries.push(verb === "delete" || value === "" ? key : `${key} : ${value}`);
  }
  return [...byMap].flatMap(([map, entries]) =>
    Array.from({ length: Math.ceil(entries.length / ELEMENTS_PER_LINE) }, (_, chunk) => {
      const some = entries.slice(chunk * ELEMENTS_PER_LINE, (chunk + 1) * ELEMENTS_PER_LINE);
      return `${verb} element ${TABLE} ${map} { ${some.join(", ")} }`;
    }),
  );
}
