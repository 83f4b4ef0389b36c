import { familyOf } from "../address.ts";
import { HOST, chainName, keyOf, type KernelObject, type KernelObjects, type Place } from "../kernel-object.ts";

/** UDP's number; of what we redirect, the one protocol whose flows don't end when nobody answers. */
const UDP = "17";

/**
 * The `conntrack` lines for one place. A flow outlives the rule that redirected it. For TCP that is right: a task that is
 * withdrawn finishes what it has, and once it is gone its flows are refused (see `nft-table.ts`). A UDP flow would go on for
 * ever, so it is forgotten, and its next packet is given another task; so is one that was there before its address or port
 * became ours.
 */
export function flowLines(place: Place, from: KernelObjects, to: KernelObjects): readonly string[] {
  const moved = [...to.values()].flatMap((object) => {
    const asked = object.kind === "element" ? askedBy(place, object) : undefined;
    if (object.kind !== "element" || asked === undefined) return [];
    const name = chainName(object.map, object.key);
    if (!from.has(keyOf(object))) return [asked];
    const kept = new Set(slotsOf(to.get(`chain ${name}`)));
    const lost = new Set(slotsOf(from.get(`chain ${name}`))).difference(kept);
    return [...lost].map((slot) => `${asked} -r ${slot}`);
  });
  return [...new Set([...moved.toSorted(), ...unpublished(place, from, to).toSorted()])];
}

/**
 * The address in our networks that a line's flows go to: where nothing was sent to it there are none. Undefined for a
 * published port that is new, or that is no more.
 */
export const flowTarget = (line: string): string | undefined => / -[dr] (\S+)$/.exec(line)?.[1];

/** UDP flows to what is no longer redirected at all. */
const unpublished = (place: Place, from: KernelObjects, to: KernelObjects): readonly string[] =>
  [...from].flatMap(([key, object]) => {
    if (object.kind !== "element" || to.has(key)) return [];
    return askedBy(place, object) ?? [];
  });

/** The UDP flows whose first packet asked for what an entry redirects; undefined where it redirects none. */
function askedBy(place: Place, { map, key }: KernelObject & { kind: "element" }): string | undefined {
  if (map === "vip4" || map === "vip6") return `-D -p udp${familyOf(key) === 6 ? " -f ipv6" : ""} -d ${key}`;
  if (place !== HOST || !PORT_MAPS.test(map)) return undefined;
  const [port, protocol, address] = key.split(" . ").toReversed();
  if (protocol !== UDP) return undefined;
  const family = map.endsWith("6") ? " -f ipv6" : "";
  const destination = address === undefined ? "" : ` -d ${address}`;
  return `-D -p udp${family}${destination} --dport ${port ?? ""}`;
}

const slotsOf = (chain: KernelObject | undefined): readonly string[] =>
  chain?.kind === "chain" && chain.choice.kind === "redirect" ? chain.choice.slots : [];

/** The host's maps of published ports. */
const PORT_MAPS = /^(?:any|bound)[46]$/;
