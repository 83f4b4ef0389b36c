import { Document, isMap, isScalar, Scalar, visit } from "yaml";

import type { Project } from "../project.ts";
import { eachOf, filled, type Plain } from "./plain.ts";
import { networkPlain, payloadPlain, volumePlain } from "./resource.ts";
import { servicePlain } from "./service.ts";

export type ProjectFormat = "yaml" | "json";

/**
 * A project as a Compose file in which everything is written out: reading it gives the same project. What files said and
 * has no place in a project (`others`) isn't written. A `$` of a value is written `$$`. Errors: `unsupported` for a
 * config or secret whose content a Compose file can't hold.
 */
export function projectText(project: Project, format: ProjectFormat): string {
  const file = escaped({
    name: project.name,
    services: eachOf(project.services, servicePlain),
    networks: filled(eachOf(project.networks, networkPlain)),
    volumes: filled(eachOf(project.volumes, volumePlain)),
    configs: filled(eachOf(project.configs, (payload, key) => payloadPlain(payload, "configs", key))),
    secrets: filled(eachOf(project.secrets, (payload, key) => payloadPlain(payload, "secrets", key))),
  });
  return format === "json" ? `${jsonOf(file)}\n` : yamlOf(file);
}

/** Without fields that aren't there, and with every `$` meant as one. Keys are never interpolated. */
function escaped(plain: Plain): Plain {
  if (typeof plain === "string") return plain.replaceAll("$", "$$$$");
  if (plain === null || typeof plain !== "object") return plain;
  if (Array.isArray(plain)) return plain.map(escaped);
  const entries = plain instanceof Map ? [...plain] : Object.entries(plain);
  const kept = entries.flatMap(([key, value]): [string, Plain][] =>
    value === undefined ? [] : [[key, escaped(value as Plain)]],
  );
  return new Map(kept);
}

/** By hand: an object would move keys that look like numbers to its front, and the order of networks means something. */
function jsonOf(file: Plain, indent = ""): string {
  const deeper = `${indent}  `;
  const between = (open: string, parts: readonly string[], close: string): string =>
    parts.length === 0 ? open + close : `${open}\n${deeper}${parts.join(`,\n${deeper}`)}\n${indent}${close}`;
  if (file instanceof Map) {
    const entries = [...file] as [string, Plain][];
    const parts = entries.map(([key, value]) => `${JSON.stringify(key)}: ${jsonOf(value, deeper)}`);
    return between("{", parts, "}");
  }
  if (!Array.isArray(file)) return JSON.stringify(file);
  const items = file.map((item) => jsonOf(item as Plain, deeper));
  return between("[", items, "]");
}

/** Quoted is what YAML 1.1 takes for something else than text (`no`, `0440`), and a key that would mean a merge. */
function yamlOf(file: Plain): string {
  const document = new Document(file, { schema: "core", compat: "yaml-1.1", aliasDuplicateObjects: false });
  visit(document, {
    Pair: (_at, { key }) => {
      if (isScalar(key) && key.value === "<<") key.type = Scalar.QUOTE_DOUBLE;
    },
    Map: (_at, node) => {
      if (isMap(node) && node.items.length === 0) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0 });
}
