import { problem } from "../problem.ts";
import type { ComposeExternal, ComposeNetwork, ComposeOrigin, ComposePayload, ComposeVolume } from "../project.ts";
import { mappingAt, type Tree } from "../tree.ts";
import { defined, Fields } from "./fields.ts";

type Ipam = NonNullable<ComposeNetwork["ipam"]>;

export function readNetwork(tree: Tree, path: string): ComposeNetwork {
  const fields = opened(tree);
  const ipam = fields.fields("ipam");
  const known = {
    ...external(fields, path, true),
    driver: fields.text("driver"),
    driverOptions: fields.labels("driver_opts"),
    labels: fields.labels("labels"),
    internal: fields.flag("internal"),
    attachable: fields.flag("attachable"),
    enableIpv4: fields.flag("enable_ipv4"),
    enableIpv6: fields.flag("enable_ipv6"),
    ipam: ipam && readIpam(ipam),
  };
  return defined<ComposeNetwork>({ ...known, others: fields.others() });
}

function readIpam(ipam: Fields): Ipam {
  return defined<Ipam>({
    driver: ipam.text("driver"),
    config: ipam.each("config").map((config) =>
      defined<Ipam["config"][number]>({
        subnet: config.text("subnet"),
        gateway: config.text("gateway"),
        ipRange: config.text("ip_range"),
        auxAddresses: config.labels("aux_addresses"),
      }),
    ),
    options: ipam.labels("options"),
  });
}

export function readVolume(tree: Tree, path: string): ComposeVolume {
  const fields = opened(tree);
  const known = {
    ...external(fields, path, true),
    driver: fields.text("driver"),
    driverOptions: fields.labels("driver_opts"),
    labels: fields.labels("labels"),
  };
  return defined<ComposeVolume>({ ...known, others: fields.others() });
}

/** `dataOf`: what a config or secret holds, by the field that says where it is. */
export function readPayload(
  tree: Tree,
  path: string,
  dataOf: (fields: Fields, path: string) => Uint8Array | undefined,
): ComposePayload {
  const fields = opened(tree);
  const known = {
    ...external(fields, path, false),
    labels: fields.labels("labels"),
    templateDriver: fields.text("template_driver"),
    driver: fields.text("driver"),
    driverOptions: fields.labels("driver_opts"),
  };
  const data = known.external ? undefined : dataOf(fields, path);
  const origin = data === undefined ? undefined : originOf(fields);
  return defined<ComposePayload>({ ...known, data, origin, others: fields.others() });
}

function originOf(fields: Fields): ComposeOrigin | undefined {
  const path = fields.text("file");
  if (path !== undefined) return { kind: "file", path };
  const name = fields.text("environment");
  return name === undefined ? undefined : { kind: "environment", name };
}

function opened(tree: Tree): Fields {
  return new Fields(tree.kind === "mapping" ? tree : mappingAt(new Map(), tree.place));
}

/** `strict`: what is external is not described here, since nobody would look at it. */
function external(fields: Fields, path: string, strict: boolean): ComposeExternal {
  const name = fields.text("name");
  const outside = fields.fields("external");
  const isExternal = outside !== undefined && (outside.flag("external") ?? true);
  const older = outside?.text("name");
  if (name !== undefined && older !== undefined && name !== older) {
    throw problem(fields.tree.place, path, "name and external.name say different things; leave external.name out");
  }
  const rest = [...fields.tree.entries.keys()].filter((key) => key !== "name" && key !== "external");
  if (isExternal && strict && rest.length > 0) {
    throw problem(
      fields.tree.place,
      path,
      `what is external has nothing but a name here; leave out ${rest.join(", ")}, or external`,
    );
  }
  return defined<ComposeExternal>({ name: name ?? older, external: isExternal });
}
