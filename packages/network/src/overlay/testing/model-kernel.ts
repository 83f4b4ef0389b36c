import { assert } from "@murmur/base";
import { HOST, type Place } from "../kernel-object.ts";
import type { Batch, Step } from "../render/batch.ts";
import { HOST_TABLE } from "../render/nft-table.ts";

/** What one namespace holds. The texts are those that the tools were given. */
interface Space {
  readonly bridges: Map<string, string>;
  /** By name: the text of how it was made, and of each change. */
  readonly devices: Map<string, string[]>;
  readonly speaksIpv6: Set<string>;
  /** Addresses, entries, rules and routes: what each is, and what it leads to. */
  readonly entries: Map<string, string>;
  /** The default route, by the tool that makes it. */
  readonly exits: Map<string, string>;
  table: Table | undefined;
}

interface Table {
  readonly fixed: string;
  readonly chains: Map<string, string>;
  readonly elements: Map<string, Map<string, string>>;
}

/** What isn't ours, and is there still when we are not: by name, and as `PLACE ip` or `PLACE ip6`. */
interface Lasting {
  readonly bridges: ReadonlySet<string>;
  readonly exits: ReadonlySet<string>;
}

/**
 * A kernel made of maps, which takes the very lines that the tools are given. It is as strict as the real one: what is there
 * can't be added, what isn't can't be removed, and a chain that something leads to can't be deleted.
 */
export class ModelKernel {
  readonly #spaces = new Map<Place, Space>();
  /** `conntrack` lines, with their place, of the batches so far. */
  readonly forgotten: string[] = [];

  apply(batch: Batch, afterPhase: () => void = () => {}): void {
    for (const phase of batch) {
      for (const { place, steps } of phase) for (const step of steps) this.#step(place, step);
      afterPhase();
    }
  }

  /**
   * Everything there is, in a fixed order. A bridge is the engine's, and a container's default route was there before: they
   * may stay although nobody wants them, and are told where somebody does.
   */
  dump({ bridges, exits }: Lasting): unknown {
    const sorted = <T>(map: ReadonlyMap<string, T>) => [...map].toSorted(([left], [right]) => (left < right ? -1 : 1));
    const spaces = sorted(this.#spaces).map(([place, { table, ...space }]) => ({
      place,
      bridges: sorted(space.bridges).filter(([name]) => bridges.has(name)),
      devices: sorted(space.devices),
      entries: sorted(space.entries),
      exits: sorted(space.exits).filter(([tool]) => exits.has(`${place} ${tool}`)),
      fixed: table?.fixed,
      chains: sorted(table?.chains ?? new Map()),
      elements: sorted(table?.elements ?? new Map()).map(([name, entries]) => [name, sorted(entries)]),
    }));
    return spaces.filter(({ entries, devices, fixed }) => entries.length + devices.length > 0 || fixed !== undefined);
  }

  /** The addresses that new flows may be given anywhere. */
  chosen(): readonly string[] {
    const rules = [...this.#spaces.values()].flatMap(({ table }) => [...(table?.chains.values() ?? [])]);
    return rules.flatMap((rule) => [...rule.matchAll(/ : ([0-9a-f.:]+)(?=,| })/g)].map(([, address]) => address ?? ""));
  }

  /** Whether the host knows where an address is: a neighbour's, or a task's of its own. */
  reaches(address: string): boolean {
    const host = this.#space(HOST);
    const isNeighbour = [...host.entries.keys()].some((key) => key.startsWith(`neighbour ${address} `));
    const own = [...(host.table?.elements.entries() ?? [])].filter(([map]) => map.startsWith("self"));
    return isNeighbour || own.some(([, entries]) => entries.has(`${address} . ${address}`));
  }

  #space(place: Place): Space {
    const space = this.#spaces.get(place) ?? {
      bridges: new Map(),
      devices: new Map(),
      speaksIpv6: new Set(),
      entries: new Map(),
      exits: new Map(),
      table: undefined,
    };
    this.#spaces.set(place, space);
    return space;
  }

  #step(place: Place, { tool, lines }: Step): void {
    const space = this.#space(place);
    assert(lines.length > 0, "no tool is run for nothing");
    if (tool === "nft") return new NftModel(space, place).apply(lines);
    for (const line of lines) {
      if (tool === "conntrack") this.forgotten.push(`${place} ${line}`);
      else if (tool === "sysctl") sysctlLine(space, line);
      else if (tool === "iptables" || tool === "ip6tables") acceptLine(space, tool, line);
      else linkLine(space, tool, line);
    }
  }
}

function linkLine(space: Space, tool: "ip" | "ip6" | "bridge", line: string): void {
  const words = line.split(" ");
  const device = words[words.indexOf("dev") + 1] ?? "";
  const [noun = "", verb = "", what = ""] = words;
  if (noun === "link") return deviceLine(space, line);
  const isOurs = device.startsWith("murmur-");
  assert(!isOurs || space.devices.has(device), `${line}: there is no such device`);
  if (noun === "address") return entry(space, verb, `address ${what} ${device}`, "");
  const isRefused = noun === "neighbour" && verb === "replace" && what.includes(":") && !space.speaksIpv6.has(device);
  assert(!isRefused, `${line}: IPv6 is disabled on this device`);
  if (noun === "neighbour")
    return entry(space, verb, `neighbour ${what} ${device}`, words[words.indexOf("lladdr") + 1] ?? "");
  if (noun === "fdb") {
    const side = words.includes("self") ? "self" : "master";
    return entry(space, verb, `fdb ${what} ${side} ${device}`, words[words.indexOf("dst") + 1] ?? "");
  }
  if (noun === "route" && !words.includes("table")) {
    assert(verb === "replace", `${line}: the default route may be another's`);
    space.exits.set(tool, line);
    return;
  }
  const table = words[words.indexOf("table") + 1] ?? "";
  const leads = verb === "replace" ? line : "";
  return entry(space, verb, `${noun} ${tool} ${table}`, noun === "route" ? leads : "");
}

function entry(space: Space, verb: string, key: string, value: string): void {
  if (verb === "delete") assert(space.entries.delete(key), `${key} can't be deleted: it isn't there`);
  else {
    assert(verb === "replace" || !space.entries.has(key), `${key} can't be added: it is there`);
    space.entries.set(key, value);
  }
}

function deviceLine(space: Space, line: string): void {
  const [, name = "", made] = /^link add name (\S+) (.*)$/.exec(line) ?? [];
  if (made !== undefined) {
    assert(!space.devices.has(name), `${name} can't be made: it is there`);
    space.devices.set(name, [made]);
    return;
  }
  const [, gone] = /^link delete dev (\S+)$/.exec(line) ?? [];
  if (gone !== undefined) {
    assert(space.devices.delete(gone), `${gone} can't be deleted: it isn't there`);
    space.speaksIpv6.delete(gone);
    for (const key of space.entries.keys()) if (key.endsWith(` ${gone}`)) space.entries.delete(key);
    return;
  }
  const [, changed = "", change = ""] = /^link set dev (\S+) (.*)$/.exec(line) ?? [];
  if (change.startsWith("address ")) space.bridges.set(changed, change);
  else if (change.endsWith("hairpin on")) space.entries.set(`hairpin ${changed}`, "");
  else if (change.endsWith("hairpin off")) entry(space, "delete", `hairpin ${changed}`, "");
  else {
    const device = space.devices.get(changed);
    assert(device !== undefined, `${line}: there is no such device`);
    device.push(change);
  }
}

/** IPv6 is switched off on new devices, as on many hosts. */
function sysctlLine(space: Space, line: string): void {
  const [, device = ""] = /^net\/ipv6\/conf\/(\S+)\/disable_ipv6 0$/.exec(line) ?? [];
  assert(space.devices.has(device), `${line}: there is no such device`);
  space.speaksIpv6.add(device);
}

function acceptLine(space: Space, tool: string, line: string): void {
  if (line === "*filter" || line === "COMMIT") return;
  entry(space, line.startsWith("-D") ? "delete" : "add", `${tool} ${line.slice(3)}`, "");
}

/** One transaction of nft. */
class NftModel {
  readonly #space: Space;
  readonly #place: Place;

  constructor(space: Space, place: Place) {
    this.#space = space;
    this.#place = place;
  }

  apply(lines: readonly string[]): void {
    const start = lines.findIndex((line) => line.endsWith("{") && line.startsWith("table "));
    const end = lines.lastIndexOf("}");
    lines.forEach((line, at) => {
      if (start === -1 || at < start || at > end) this.#line(line);
      else if (at === start) this.#make(lines.slice(start, end + 1));
    });
    for (const value of [...(this.#space.table?.elements.values() ?? [])].flatMap((entries) => [...entries.values()])) {
      const target = /^goto (\S+)$/.exec(value)?.[1];
      assert(target === undefined || this.#table().chains.has(target), `${value}: there is no such chain`);
    }
  }

  #table(): Table {
    const { table } = this.#space;
    assert(table !== undefined, "there is no table");
    return table;
  }

  #make(lines: readonly string[]): void {
    const names = lines.flatMap((line) => /^(?:map|set) (\S+) /.exec(line)?.[1] ?? []);
    const fixed = lines.join("\n");
    assert((fixed === HOST_TABLE.join("\n")) === (this.#place === HOST), "a host has a host's table, and nobody else");
    this.#space.table = { fixed, chains: new Map(), elements: new Map(names.map((name) => [name, new Map()])) };
  }

  #line(line: string): void {
    const [, verb = "", noun = "", name = "", rest = ""] = /^(\w+) (\w+) inet murmur ?(\S*) ?(.*)$/.exec(line) ?? [];
    if (noun === "table") {
      if (verb === "delete") this.#space.table = undefined;
      return;
    }
    const { chains } = this.#table();
    if (noun === "element") return this.#elements(verb, name, rest);
    if (noun === "rule") assert(chains.get(name) === "", `${line}: the chain isn't there, or has a rule`);
    if (noun === "rule") chains.set(name, rest);
    else if (verb === "add") chains.set(name, chains.get(name) ?? "");
    else {
      assert(chains.has(name), `${line}: there is no such chain`);
      if (verb === "flush") chains.set(name, "");
      else chains.delete(name);
    }
  }

  #elements(verb: string, map: string, text: string): void {
    const entries = this.#table().elements.get(map);
    assert(entries !== undefined, `there is no map ${map}`);
    for (const item of text.slice(2, -2).split(", ")) {
      const [key = "", value = ""] = item.split(" : ");
      if (verb === "delete") assert(entries.delete(key), `${key} can't be deleted: it isn't in ${map}`);
      else {
        assert(!entries.has(key), `${key} can't be added: it is in ${map}`);
        entries.set(key, value);
      }
    }
  }
}
