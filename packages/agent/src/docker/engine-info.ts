import type { EngineInfo } from "../ports.ts";

/** The engine's word for an architecture (`uname -m`) as images name it. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
  armv7l: "arm",
  armv6l: "arm",
  i686: "386",
  i386: "386",
};

/** Reads the answer of `GET /info`; a field that is missing counts as empty or zero. */
export function engineInfo(body: unknown): EngineInfo {
  const info = record(body);
  const machine = text(info["Architecture"]);
  const plugins = Object.entries(record(info["Plugins"])).flatMap(([kind, names]) =>
    texts(names).map((name) => ({ kind, name })),
  );
  return {
    hostname: text(info["Name"]),
    os: text(info["OSType"]),
    architecture: ARCHITECTURES[machine] ?? machine,
    cpus: number(info["NCPU"]),
    memoryBytes: number(info["MemTotal"]),
    version: text(info["ServerVersion"]),
    labels: Object.fromEntries(texts(info["Labels"]).map(keyAndValue)),
    plugins,
    ...genericOf(info["GenericResources"]),
  };
}

/** `node-generic-resources` of the engine's configuration; what is of neither form is passed over. */
function genericOf(list: unknown): Pick<EngineInfo, "generic"> {
  const generic: Record<string, number | string[]> = {};
  for (const item of Array.isArray(list) ? list : []) {
    const { Kind: kind, Value: value } = record(
      record(item)["DiscreteResourceSpec"] ?? record(item)["NamedResourceSpec"],
    );
    if (typeof kind !== "string") continue;
    const before = Object.hasOwn(generic, kind) ? generic[kind] : undefined;
    if (typeof value === "number" && value > 0) generic[kind] = value;
    else if (typeof value === "string" && typeof before !== "number") generic[kind] = [...(before ?? []), value];
  }
  return Object.keys(generic).length === 0 ? {} : { generic };
}

function keyAndValue(label: string): readonly [string, string] {
  const at = label.indexOf("=");
  return at < 0 ? [label, ""] : [label.slice(0, at), label.slice(at + 1)];
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (typeof value === "number" ? value : 0);
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
