import { familyOf } from "../address.ts";
import {
  HOST,
  chainName,
  type KernelObject,
  type KernelObjects,
  type KernelState,
  type Place,
} from "../kernel-object.ts";

/** UDP's number; of what we redirect, the one protocol whose flows don't end when nobody answers. */
const UDP = "17";

/**
 * The addresses of tasks that are gone for good. Flows to them are forgotten everywhere, so that their clients are told at
 * once (TCP: by a reset of whoever gets the next packet) instead of waiting.
 */
export function goneAddresses(from: KernelState, to: KernelState): readonly string[] {
  const left = taskAddresses(to.get(HOST));
  return [...taskAddresses(from.get(HOST))].filter((address) => !left.has(address));
}

function taskAddresses(host: KernelObjects | undefined): ReadonlySet<string> {
  const addresses = [...(host?.values() ?? [])].flatMap((object) => {
    if (object.kind === "neighbour") return object.address;
    return object.kind === "element" && object.map.startsWith("self") ? (object.key.split(" ", 1)[0] ?? []) : [];
  });
  return new Set(addresses);
}

/**
 * The `conntrack` lines for one place. A flow outlives the rule that redirected it. For TCP that is right: a task that is
 * withdrawn finishes what it has. A UDP flow would go on for ever, so it is forgotten, and its next packet is given another
 * task; so is one that was there before its address or port became ours.
 */
export function flowLines(
  place: Place,
  from: KernelObjects,
  to: KernelObjects,
  gone: readonly string[],
): readonly string[] {
  const forgotten = gone.map((address) => `-D${familyFlag(address)} -r ${address}`);
  const goneSet = new Set(gone);
  const udp = [...to.values()].flatMap((object) => {
    const asked = object.kind === "element" ? askedBy(place, object) : undefined;
    if (object.kind !== "element" || asked === undefined) return [];
    const name = chainName(object.map, object.key);
    const key = `element ${object.map} ${object.key}`;
    if (!from.has(key)) return [asked];
    const kept = new Set(slotsOf(to.get(`chain ${name}`)));
    const lost = [...new Set(slotsOf(from.get(`chain ${name}`)))].filter(
      (slot) => !kept.has(slot) && !goneSet.has(slot),
    );
    return lost.map((slot) => `${asked} -r ${slot}`);
  });
  return [...new Set([...forgotten, ...udp, ...unpublished(place, from, to)])];
}

/** UDP flows to what is no longer redirected at all. */
const unpublished = (place: Place, from: KernelObjects, to: KernelObjects): readonly string[] =>
  [...from].flatMap(([key, object]) => {
    if (object.kind !== "element" || to.has(key)) return [];
    return askedBy(place, object) ?? [];
  });

/** The UDP flows whose first packet asked for what an entry redirects; undefined where it redirects none. */
function askedBy(place: Place, { map, key }: KernelObject & { kind: "element" }): string | undefined {
  if (map === "vip4" || map === "vip6") return `-D -p udp${familyFlag(key)} -d ${key}`;
  if (place !== HOST || map.startsWith("self")) return undefined;
  const [port, protocol, address] = key.split(" . ").toReversed();
  if (protocol !== UDP) return undefined;
  const family = map.endsWith("6") ? " -f ipv6" : "";
  const destination = address === undefined ? "" : ` -d ${address}`;
  return `-D -p udp${family}${destination} --dport ${port ?? ""}`;
}

const slotsOf = (chain: KernelObject | undefined): readonly string[] =>
  chain?.kind === "chain" && chain.choice.kind === "redirect" ? chain.choice.slots : [];

const familyFlag = (address: string): string => (familyOf(address) === 6 ? " -f ipv6" : "");
