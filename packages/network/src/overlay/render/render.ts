import { HOST, keyOf, type KernelObject, type KernelObjects, type KernelState, type Place } from "../kernel-object.ts";
import { apart } from "../parted-objects.ts";
import { acceptLines } from "./accept-lines.ts";
import type { Batch, PlaceSteps, Step, Tool } from "./batch.ts";
import { changeOf, type Change } from "./change.ts";
import { flowLines } from "./flow-lines.ts";
import { addBridgeLines, addLines, familyOfObject, ipv6Lines, removeBridgeLines, removeLines } from "./link-lines.ts";
import { nftLines } from "./nft-lines.ts";

const NOTHING: KernelObjects = new Map();

/**
 * The least work that turns one state of the kernel into another, in an order in which nobody is sent where nothing is:
 * 1. the host's new segments, forwarding and neighbour entries;
 * 2. everywhere, who is chosen for new flows;
 * 3. everywhere, UDP flows to who isn't chosen any more are forgotten;
 * 4. the host's old entries and segments go.
 *
 * The same state twice is no work at all.
 */
export function render(from: KernelState, to: KernelState): Batch {
  const places = [...new Set([...from.keys(), ...to.keys()])];
  const [hostBefore, hostAfter] = apart(from.get(HOST) ?? NOTHING, to.get(HOST) ?? NOTHING);
  const host = changeOf(hostBefore, hostAfter);
  const inContainer = containerSteps();
  const inPlaces = places.map((place) => {
    if (place !== HOST) return { place, ...inContainer(from.get(place) ?? NOTHING, to.get(place) ?? NOTHING) };
    const choosing: readonly Step[] = [...acceptSteps(host), { tool: "nft", lines: nftLines(HOST, host) }];
    return { place, choosing, forgetting: forgettingSteps(flowLines(HOST, hostBefore, hostAfter)) };
  });
  const phases = [
    segmentsAdded(host).map((steps) => placeSteps(HOST, steps)),
    inPlaces.map(({ place, choosing }) => placeSteps(place, choosing)),
    inPlaces.map(({ place, forgetting }) => placeSteps(place, forgetting)),
    segmentsRemoved(host).map((steps) => placeSteps(HOST, steps)),
  ];
  return phases.map((phase) => phase.filter(({ steps }) => steps.length > 0)).filter((phase) => phase.length > 0);
}

interface InPlace {
  readonly choosing: readonly Step[];
  readonly forgetting: readonly Step[];
}

/**
 * The steps in a container. Most containers are told the same: a pair of states that was seen is not compared again.
 * One that has just come has no flows yet, and nobody cares for those of one that goes.
 */
function containerSteps(): (before: KernelObjects, after: KernelObjects) => InPlace {
  const known = new Map<KernelObjects, Map<KernelObjects, InPlace>>();
  const stepsOf = (from: KernelObjects, to: KernelObjects): InPlace => {
    const [before, after] = apart(from, to);
    const change = changeOf(before, after);
    const isLasting = from.size > 0 && to.size > 0;
    return {
      choosing: [...routeSteps(change), { tool: "nft", lines: nftLines("container", change) }],
      forgetting: isLasting ? forgettingSteps(flowLines("container", before, after)) : [],
    };
  };
  return (before, after) => {
    const ofBefore = known.get(before) ?? new Map<KernelObjects, InPlace>();
    known.set(before, ofBefore);
    const steps = ofBefore.get(after) ?? stepsOf(before, after);
    ofBefore.set(after, steps);
    return steps;
  };
}

/** For each line the kernel looks at all its flows (50 ms on a large host). What is beyond runs into its time limit. */
const FLOW_LINES_MAX = 64;

const forgettingSteps = (lines: readonly string[]): readonly Step[] => [
  { tool: "conntrack", lines: lines.slice(0, FLOW_LINES_MAX) },
];

/** What is removed and not at once replaced by another of the same key. */
function removedForGood({ removed, added }: Change): readonly KernelObject[] {
  const replaced = new Set(added.map(keyOf));
  return removed.filter((object) => !replaced.has(keyOf(object)));
}

/** A device that differs is removed first: its name and number are wanted again. What is beside each other can be done at once. */
function segmentsAdded(change: Change): readonly (readonly Step[])[] {
  const added = new Set(change.added.map(keyOf));
  const remade = change.removed.filter((object) => object.kind === "vxlan" && added.has(keyOf(object)));
  const neighbours = change.added.filter((object) => object.kind === "neighbour");
  const enabling = ipv6Lines(neighbours);
  const making = [...remade.flatMap(removeLines), ...sorted(change.added).flatMap(addLines)];
  // `ip` ends at a neighbour entry that the kernel refuses, and would leave out what comes after it.
  const placing: Step = { tool: "ip", lines: neighbours.flatMap(addLines) };
  const forwarding: Step = { tool: "bridge", lines: change.added.flatMap(addBridgeLines) };
  if (making.length === 0 && enabling.length === 0) return [[placing], [forwarding]];
  const first: readonly Step[] =
    enabling.length === 0
      ? [{ tool: "ip", lines: [...making, ...placing.lines] }]
      : [{ tool: "ip", lines: making }, { tool: "sysctl", lines: enabling }, placing];
  return [[...first, forwarding]];
}

/** What goes with a device isn't among it. */
function segmentsRemoved(change: Change): readonly (readonly Step[])[] {
  const removed = removedForGood(change);
  return [
    [{ tool: "bridge", lines: removed.flatMap(removeBridgeLines) }],
    [{ tool: "ip", lines: removed.flatMap(removeLines) }],
  ];
}

/** A bridge has its MAC address, and a device is there, before anything is put on it. */
const ORDER: readonly KernelObject["kind"][] = ["bridge", "vxlan", "address", "hairpin"];
const sorted = (objects: readonly KernelObject[]): readonly KernelObject[] =>
  ORDER.flatMap((kind) => objects.filter((object) => object.kind === kind));

/** Routes before the rules that lead to them, and after them when they go. */
function routeSteps(change: Change): readonly Step[] {
  return ([4, 6] as const).map((family) => {
    const isOf = (kind: KernelObject["kind"]) => (object: KernelObject) =>
      object.kind === kind && familyOfObject(object) === family;
    const removed = removedForGood(change);
    return {
      tool: family === 4 ? "ip" : "ip6",
      lines: [
        ...[...change.added.filter(isOf("route")), ...change.added.filter(isOf("exit"))].flatMap(addLines),
        ...removed.filter(isOf("rule")).flatMap(removeLines),
        ...change.added.filter(isOf("rule")).flatMap(addLines),
        ...removed.filter(isOf("route")).flatMap(removeLines),
      ],
    };
  });
}

const ACCEPT_TOOLS = [
  [4, "iptables"],
  [6, "ip6tables"],
] as const satisfies readonly (readonly [number, Tool])[];

function acceptSteps({ removed, added }: Change): readonly Step[] {
  return ACCEPT_TOOLS.map(([family, tool]) => {
    const ofFamily = (objects: readonly KernelObject[]) =>
      objects.filter((object) => object.kind === "accept").filter((accept) => accept.family === family);
    return { tool, lines: acceptLines(ofFamily(removed), ofFamily(added)) };
  });
}

const placeSteps = (place: Place, steps: readonly Step[]): PlaceSteps => ({
  place,
  steps: steps.filter(({ lines }) => lines.length > 0),
});
