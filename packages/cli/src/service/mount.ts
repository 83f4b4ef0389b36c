import type { Mount } from "@murmur/api";
import { invalid } from "../argument-error.ts";
import { cutAssignment } from "../units/assignment.ts";
import { parseBytes } from "../units/bytes.ts";
import { splitCsv } from "./csv.ts";

const TYPES = ["volume", "bind", "tmpfs", "image"] as const;
/** Docker's others: why not, and what instead. */
const OTHER_TYPES: Readonly<Record<string, string>> = {
  npipe: "named pipes are Windows's; mount a socket with type=bind",
  cluster:
    "there are no cluster (CSI) volumes; use type=volume with volume-driver=PLUGIN, or type=bind with a path that all nodes have",
};
const CONSISTENCIES = ["default", "consistent", "cached", "delegated"] as const;
const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;

const DEPTHS = ["enabled", "disabled", "writable", "readonly"] as const;
/** What is mounted below the source: there as well, not, there and writable, there and read-only. */
const RECURSIVE: Readonly<Record<(typeof DEPTHS)[number], Mount["BindOptions"]>> = {
  enabled: {},
  disabled: { NonRecursive: true },
  writable: { ReadOnlyNonRecursive: true },
  readonly: { ReadOnlyForceRecursive: true },
};
const SWITCHES = new Set(["readonly", "volume-nocopy", "bind-nonrecursive", "bind-create-src"]);

type Setter = (mount: Mount, value: string, key: string) => void;
const SETTERS: Readonly<Record<string, Setter>> = {
  type: (mount, value) => (mount.Type = typeOf(value)),
  source: (mount, value) => (mount.Source = value),
  target: (mount, value) => (mount.Target = value),
  readonly: (mount, value, key) => (mount.ReadOnly = switchOf(key, value)),
  "bind-propagation": (mount, value) =>
    ((mount.BindOptions ??= {}).Propagation = wordOf(PROPAGATIONS, "bind-propagation", value)),
  "bind-nonrecursive": (mount, value, key) => ((mount.BindOptions ??= {}).NonRecursive = switchOf(key, value)),
  "bind-create-src": (mount, value, key) => ((mount.BindOptions ??= {}).CreateMountpoint = switchOf(key, value)),
  "bind-recursive": (mount, value) =>
    Object.assign((mount.BindOptions ??= {}), RECURSIVE[wordOf(DEPTHS, "bind-recursive", value)]),
  "volume-nocopy": (mount, value, key) => ((mount.VolumeOptions ??= {}).NoCopy = switchOf(key, value)),
  "volume-label": (mount, value) => assign(((mount.VolumeOptions ??= {}).Labels ??= {}), value),
  "volume-driver": (mount, value) => (((mount.VolumeOptions ??= {}).DriverConfig ??= {}).Name = value),
  "volume-opt": (mount, value) => assign((((mount.VolumeOptions ??= {}).DriverConfig ??= {}).Options ??= {}), value),
  "volume-subpath": (mount, value) => ((mount.VolumeOptions ??= {}).Subpath = value),
  "tmpfs-size": (mount, value) => ((mount.TmpfsOptions ??= {}).SizeBytes = parseBytes(value)),
  "tmpfs-mode": (mount, value) => ((mount.TmpfsOptions ??= {}).Mode = octal(value)),
  // Of Docker on a Mac: says nothing here.
  consistency: (_, value) => void wordOf(CONSISTENCIES, "consistency", value),
};
const ALIASES: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
};

/** `type=volume,source=data,target=/data,readonly`. Errors: `invalid_argument`. */
export function parseMount(text: string): Mount {
  const mount: Mount = { Type: "volume", Target: "" };
  for (const field of splitCsv(text)) {
    const [written, value] = cutAssignment(field);
    const key = written.trim().toLowerCase();
    const name = ALIASES[key] ?? key;
    const setter = Object.hasOwn(SETTERS, name) ? SETTERS[name] : undefined;
    if (setter === undefined) {
      throw invalid(`invalid mount '${text}': no field '${key}'; there are ${Object.keys(SETTERS).join(", ")}`);
    }
    if (value === undefined && !SWITCHES.has(name)) throw invalid(`invalid mount '${text}': give ${key}=VALUE`);
    setter(mount, value ?? "true", key);
  }
  if (mount.Target === "") throw invalid(`invalid mount '${text}': target= is missing`);
  checkFit(mount, text);
  return mount;
}

function checkFit(mount: Mount, text: string): void {
  const only: readonly (readonly [keyof Mount, Mount["Type"]])[] = [
    ["BindOptions", "bind"],
    ["VolumeOptions", "volume"],
    ["TmpfsOptions", "tmpfs"],
  ];
  for (const [field, type] of only) {
    if (mount[field] !== undefined && mount.Type !== type) {
      throw invalid(`invalid mount '${text}': ${type}-… fields are for type=${type}`);
    }
  }
  if ((mount.Type === "bind" || mount.Type === "image") && (mount.Source ?? "") === "")
    throw invalid(`invalid mount '${text}': source= is missing`);
  if (mount.Type === "tmpfs" && mount.Source !== undefined)
    throw invalid(`invalid mount '${text}': a tmpfs has no source`);
  const { ReadOnlyNonRecursive: writable, ReadOnlyForceRecursive: forced, Propagation } = mount.BindOptions ?? {};
  if ((writable === true || forced === true) && mount.ReadOnly !== true) {
    const depth = forced === true ? "readonly" : "writable";
    throw invalid(`invalid mount '${text}': bind-recursive=${depth} requires readonly`);
  }
  if (forced === true && Propagation !== "rprivate")
    throw invalid(`invalid mount '${text}': bind-recursive=readonly requires bind-propagation=rprivate`);
}

function typeOf(text: string): Mount["Type"] {
  const other = OTHER_TYPES[text.toLowerCase()];
  if (other !== undefined) throw invalid(`invalid mount type '${text}': ${other}`);
  return wordOf(TYPES, "type", text);
}

function wordOf<const W extends string>(words: readonly W[], what: string, text: string): W {
  const word = words.find((candidate) => candidate === text.toLowerCase());
  if (word === undefined) throw invalid(`invalid mount ${what} '${text}': give one of ${words.join(", ")}`);
  return word;
}

function switchOf(key: string, text: string): boolean {
  if (/^(true|1)$/i.test(text)) return true;
  if (/^(false|0)$/i.test(text)) return false;
  throw invalid(`invalid mount: ${key}=${text} must be true or false`);
}

function octal(text: string): number {
  if (!/^[0-7]{1,5}$/.test(text)) throw invalid(`invalid tmpfs-mode '${text}': give an octal number, such as 1777`);
  return Number.parseInt(text, 8);
}

function assign(map: Record<string, string>, text: string): void {
  const [key, value = ""] = cutAssignment(text);
  // What is called __proto__ is there too, so that the daemon can refuse it: an assignment would lose it.
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}
