import { objectAt, type Tree } from "../tree.ts";
import { dictionary, fieldText, object, options } from "./collections.ts";
import { NAMES, type ListShape, type MapShape, type ObjectShape, type Shape } from "./shape.ts";
import { flag, path, text } from "./values.ts";

/** `external: true`, or the older `external: { name: … }`. */
const external: Shape = object(
  { name: text, external: flag },
  { long: (tree) => (tree.kind === "scalar" ? objectAt({ external: { ...tree, tag: undefined } }, tree.place) : tree) },
);

const ipamConfigs: ListShape = {
  kind: "list",
  items: object({ subnet: text, ip_range: text, gateway: text, aux_addresses: options }),
  merge: (item) => fieldText(item, "subnet") ?? "",
  mergeItems: true,
};

const network: ObjectShape = object(
  {
    name: text,
    driver: text,
    driver_opts: options,
    ipam: object({ driver: text, config: ipamConfigs, options }),
    external,
    internal: flag,
    attachable: flag,
    enable_ipv4: flag,
    enable_ipv6: flag,
    labels: dictionary,
  },
  { nullable: true },
);

const volume: ObjectShape = object(
  { name: text, driver: text, driver_opts: options, external, labels: dictionary },
  { nullable: true },
);

const payload = { name: text, environment: text, file: path, external, labels: dictionary, template_driver: text };

const config = object(
  { ...payload, content: text },
  { check: (fields) => oneSource(fields, ["file", "environment", "content"]) },
);

const secret = object(
  { ...payload, driver: text, driver_opts: options },
  { check: (fields) => oneSource(fields, ["file", "environment"]) },
);

function oneSource(fields: ReadonlyMap<string, Tree>, sources: readonly string[]): string | undefined {
  const given = sources.filter((source) => fields.has(source));
  if (given.length > 1) return `${given.join(" and ")} exclude each other; leave one of them`;
  const elsewhere = fields.has("external") || fields.has("driver");
  return given.length === 0 && !elsewhere ? `one of ${sources.join(", ")} is needed, or external: true` : undefined;
}

const map = (values: Shape): MapShape => ({ kind: "map", values, names: NAMES });

export const networks = map(network);
export const volumes = map(volume);
export const configs = map(config);
export const secrets = map(secret);
export const models = map(
  object(
    {
      name: text,
      model: text,
      context_size: { kind: "number", whole: true },
      runtime_flags: { kind: "list", items: text, merge: "append" },
    },
    { required: ["model"] },
  ),
);
