import { assert } from "@murmur/base";
import type { Family } from "./address.ts";
import { keyOf, VXLAN_SETTINGS, type Choice, type KernelObject } from "./kernel-object.ts";
import type { Step, Tool } from "./render/batch.ts";

/** What one namespace holds, by `keyOf`. */
export type Space = Map<string, KernelObject>;

/** The bridges that there are. */
type Bridges = ReadonlyMap<string, unknown>;

/** Does the lines that a tool is given, as the real one would. Returns what it said against them, a line each. */
export function doStep(space: Space, bridges: Bridges, step: Step): readonly string[] {
  const { tool, lines } = step;
  if (tool === "nft" || tool === "iptables" || tool === "ip6tables") return transaction(space, step);
  if (tool === "conntrack" || tool === "sysctl") return [];
  return lines.flatMap((line) => {
    const problem = done({ space, bridges, tool }, line);
    return problem === undefined ? [] : [`${tool} ${line}: ${problem}`];
  });
}

/** All of it or nothing. */
function transaction(space: Space, step: Step): readonly string[] {
  const before: Space = new Map(space);
  const problem = problemOf(space, step);
  if (problem === undefined) return [];
  space.clear();
  for (const [key, object] of before) space.set(key, object);
  return [problem];
}

/** Does a transaction, or the part of it before the line that can't be done. Returns what is said against it. */
function problemOf(space: Space, { tool, lines }: Step): string | undefined {
  const body = lines.findIndex((line) => line.startsWith("table "));
  const end = lines.lastIndexOf("}");
  for (const [at, line] of lines.entries()) {
    if (at === body) make(space, { kind: "table", form: "ours" }, "once");
    if (body !== -1 && at >= body && at <= end) continue;
    const problem = done({ space, bridges: NO_BRIDGES, tool }, line);
    if (problem !== undefined) return `${tool}: ${line}: ${problem}`;
  }
  const loose = looseIn(space);
  return loose && `${tool}: ${keyOf(loose)}: No such file or directory`;
}

/** The first entry of a map that leads to no chain. */
function looseIn(space: Space): KernelObject | undefined {
  const ends = new Set<string>();
  for (const object of space.values()) if (object.kind === "chain") ends.add(`${GOTO}${object.name}`);
  for (const object of space.values()) {
    if (object.kind === "element" && object.value.startsWith(GOTO) && !ends.has(object.value)) return object;
  }
  return undefined;
}

const GOTO = "goto ";

/** The chain that an entry of a map leads to. */
export const leadsTo = ({ value }: KernelObject & { kind: "element" }): string | undefined =>
  value.startsWith(GOTO) ? value.slice(GOTO.length) : undefined;

const NO_BRIDGES: Bridges = new Map();

interface Told {
  readonly space: Space;
  readonly bridges: Bridges;
  readonly tool: Tool;
  readonly words: Readonly<Record<string, string>>;
}

function done(told: Omit<Told, "words">, line: string): string | undefined {
  for (const [pattern, act] of LINES) {
    const match = pattern.exec(line);
    if (match !== null) return act({ ...told, words: match.groups ?? {} });
  }
  assert(false, `no tool of a simulated kernel knows: ${line}`);
}

const EXISTS = "File exists";
const GONE = "No such file or directory";
const NO_DEVICE = "Cannot find device";

/** `once`: what is there can't be made. */
function make(space: Space, object: KernelObject, how: "once" | "anew"): string | undefined {
  const key = keyOf(object);
  if (how === "once" && space.has(key)) return EXISTS;
  space.set(key, object);
  return undefined;
}

/** Undoing what is gone already is no problem of the tools that do line by line. */
function undo(space: Space, key: string): undefined {
  space.delete(key);
}

function inDevice(space: Space, object: KernelObject & { readonly device: string }): string | undefined {
  return space.has(`vxlan ${object.device}`) ? make(space, object, "anew") : NO_DEVICE;
}

function changeDevice(
  { space, words }: Told,
  change: (device: KernelObject & { kind: "vxlan" }) => KernelObject | string,
): string | undefined {
  const device = space.get(`vxlan ${words["name"] ?? ""}`);
  if (device?.kind !== "vxlan") return NO_DEVICE;
  const changed = change(device);
  return typeof changed === "string" ? changed : make(space, changed, "anew");
}

/** Takes away what lives in a device or in a table that is gone. */
export function loseWith(space: Space, key: string): void {
  const device = /^vxlan (?<name>\S+)$/.exec(key)?.groups?.["name"];
  for (const [inside, object] of space) {
    const isInTable = key === "table" && (object.kind === "element" || object.kind === "chain");
    const isInDevice = device !== undefined && "device" in object && object.device === device;
    if (isInTable || isInDevice) space.delete(inside);
  }
  space.delete(key);
}

const familyOfTool = (tool: Tool): Family => (tool === "ip6" || tool === "ip6tables" ? 6 : 4);

type Rule = readonly [RegExp, (told: Told) => string | undefined];

const LINK_LINES: readonly Rule[] = [
  [
    /^link add name (?<name>\S+) mtu (?<mtu>\d+) type vxlan id (?<vni>\d+) local (?<local>\S+) dstport (?<port>\d+) /,
    ({ space, words: { name = "", local = "", mtu, vni, port } }) => {
      const numbers = { vni: Number(vni), port: Number(port), mtu: Number(mtu) };
      return make(space, { kind: "vxlan", name, bridge: "", local, ...numbers, settings: "its port learns" }, "once");
    },
  ],
  [
    /^link set dev (?<name>\S+) master (?<bridge>\S+)$/,
    (told) => {
      const { bridge = "" } = told.words;
      return changeDevice(told, (device) => (told.bridges.has(bridge) ? { ...device, bridge } : NO_DEVICE));
    },
  ],
  [
    /^link set dev (?<name>\S+) type bridge_slave learning off flood off$/,
    (told) =>
      changeDevice(told, (device) => (device.bridge === "" ? "not a bridge port" : { ...device, settings: "down" })),
  ],
  [
    /^link set dev (?<name>\S+) up$/,
    (told) =>
      changeDevice(told, (device) => (device.settings === "down" ? { ...device, settings: VXLAN_SETTINGS } : device)),
  ],
  [
    /^link set dev (?<name>\S+) address (?<mac>\S+)$/,
    ({ space, bridges, words: { name = "", mac = "" } }) =>
      bridges.has(name) ? make(space, { kind: "bridge", name, mac }, "anew") : NO_DEVICE,
  ],
  [
    /^link set dev (?<port>\S+) type bridge_slave hairpin on$/,
    ({ space, words: { port = "" } }) => make(space, { kind: "hairpin", port }, "anew"),
  ],
  [
    /^link set dev (?<port>\S+) type bridge_slave hairpin off$/,
    ({ space, words }) => undo(space, `hairpin ${words["port"] ?? ""}`),
  ],
  [
    /^link delete dev (?<name>\S+)$/,
    ({ space, words }) => loseWith(space, `vxlan ${words["name"] ?? ""}`) ?? undefined,
  ],
];

const ADDRESS_LINES: readonly Rule[] = [
  [
    /^address replace (?<address>[^/]+)\/\d+ dev (?<bridge>\S+)/,
    ({ space, bridges, words: { address = "", bridge = "" } }) =>
      bridges.has(bridge) ? make(space, { kind: "address", bridge, address }, "anew") : NO_DEVICE,
  ],
  [
    /^address delete (?<address>[^/]+)\/\d+ dev (?<bridge>\S+)$/,
    ({ space, words }) => undo(space, `address ${words["bridge"] ?? ""} ${words["address"] ?? ""}`),
  ],
  [
    /^neighbour replace (?<address>\S+) lladdr (?<mac>\S+) dev (?<device>\S+) nud permanent$/,
    ({ space, words: { address = "", mac = "", device = "" } }) =>
      inDevice(space, { kind: "neighbour", device, address, mac }),
  ],
  [
    /^neighbour delete (?<address>\S+) dev (?<device>\S+)$/,
    ({ space, words }) => undo(space, `neighbour ${words["device"] ?? ""} ${words["address"] ?? ""}`),
  ],
  [
    /^fdb replace (?<mac>\S+) dev (?<device>\S+) master static$/,
    ({ space, words: { mac = "", device = "" } }) => inDevice(space, { kind: "member", device, mac }),
  ],
  [
    /^fdb replace (?<mac>\S+) dev (?<device>\S+) self dst (?<underlay>\S+) static$/,
    ({ space, words: { mac = "", device = "", underlay = "" } }) =>
      inDevice(space, { kind: "forward", device, mac, underlay }),
  ],
  [
    /^fdb delete (?<mac>\S+) dev (?<device>\S+) master$/,
    ({ space, words }) => undo(space, `member ${words["device"] ?? ""} ${words["mac"] ?? ""}`),
  ],
  [
    /^fdb delete (?<mac>\S+) dev (?<device>\S+) self dst /,
    ({ space, words }) => undo(space, `forward ${words["device"] ?? ""} ${words["mac"] ?? ""}`),
  ],
];

const ROUTE_LINES: readonly Rule[] = [
  [
    /^rule add fwmark (?<mark>\d+) /,
    ({ space, tool, words }) =>
      make(space, { kind: "rule", family: familyOfTool(tool), mark: Number(words["mark"]) }, "once"),
  ],
  [
    /^rule delete fwmark (?<mark>\d+) /,
    ({ space, tool, words }) => undo(space, `rule ${String(familyOfTool(tool))} ${words["mark"] ?? ""}`),
  ],
  [
    /^route replace default via (?<via>\S+) table (?<mark>\d+)$/,
    ({ space, tool, words: { via = "", mark } }) =>
      make(space, { kind: "route", family: familyOfTool(tool), mark: Number(mark), via }, "anew"),
  ],
  [
    /^route replace default via (?<via>\S+)$/,
    ({ space, tool, words: { via = "" } }) => make(space, { kind: "exit", family: familyOfTool(tool), via }, "anew"),
  ],
  [
    /^route delete default table (?<mark>\d+)$/,
    ({ space, tool, words }) => undo(space, `route ${String(familyOfTool(tool))} ${words["mark"] ?? ""}`),
  ],
  [/^(?:\*filter|COMMIT)$/, () => undefined],
  [
    /^-(?<verb>[DI]) DOCKER-USER -(?<side>[io]) (?<bridge>\S+) /,
    ({ space, tool, words: { verb, side, bridge = "" } }) => {
      const direction = side === "o" ? "in" : "out";
      const accept: KernelObject = { kind: "accept", family: familyOfTool(tool), direction, bridge };
      if (verb === "I") return make(space, accept, "anew");
      return space.delete(keyOf(accept)) ? undefined : GONE;
    },
  ],
];

const NFT_LINES: readonly Rule[] = [
  // Adding a table that is there is nothing; ours is made by its text.
  [/^add table inet murmur$/, () => undefined],
  [/^delete table inet murmur$/, ({ space }) => loseWith(space, "table") ?? undefined],
  [/^(?:add|flush) chain inet murmur \S+$/, () => undefined],
  [
    /^delete chain inet murmur (?<name>\S+)$/,
    ({ space, words }) => (space.delete(`chain ${words["name"] ?? ""}`) ? undefined : GONE),
  ],
  [
    /^add rule inet murmur (?<name>\S+) (?<text>.*)$/,
    ({ space, words: { name = "", text = "" } }) => {
      if (!space.has("table")) return GONE;
      return make(space, { kind: "chain", name, choice: choiceOf(text) }, "anew");
    },
  ],
  [
    /^(?<verb>add|delete) element inet murmur (?<map>\S+) \{ (?<entries>.*) \}$/,
    ({ space, words: { verb = "", map = "", entries = "" } }) => {
      if (!space.has("table")) return GONE;
      for (const entry of entries.split(", ")) {
        const [key = "", value = ""] = entry.split(" : ");
        const element: KernelObject = { kind: "element", map, key, value };
        const problem = verb === "add" ? make(space, element, "once") : space.delete(keyOf(element)) ? undefined : GONE;
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
  ],
];

/** The first that fits; what is done most often is asked first. */
const LINES: readonly Rule[] = [...ADDRESS_LINES, ...NFT_LINES, ...ROUTE_LINES, ...LINK_LINES];

const REDIRECT =
  /^(?:meta l4proto (?<protocol>\S+) )?dnat (?<ip>ip6?) to (?<how>numgen random|numgen inc|jhash).* map \{ (?<slots>.*) \}(?: : (?<port>\d+))?$/;
const PICKS: Readonly<Record<string, "random" | "inc" | "hash">> = {
  "numgen random": "random",
  "numgen inc": "inc",
  jhash: "hash",
};

function choiceOf(text: string): Choice {
  const { protocol, ip, how = "", slots = "", port } = REDIRECT.exec(text)?.groups ?? {};
  const pick = PICKS[how];
  if (pick === undefined) return text.startsWith("meta mark set ") ? { kind: "refuse" } : { kind: "foreign", text };
  return {
    kind: "redirect",
    family: ip === "ip" ? 4 : 6,
    ...(protocol !== undefined && { protocol }),
    ...(port !== undefined && { port: Number(port) }),
    pick,
    slots: slots.split(", ").map((slot) => slot.slice(slot.indexOf(" : ") + 3)),
  };
}
