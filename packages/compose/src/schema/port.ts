import { problem, shown } from "../problem.ts";
import { objectAt, scalarAt, textAt, type Tree } from "../tree.ts";
import { fieldText, object } from "./collections.ts";
import type { ListShape, NumberShape, Where } from "./shape.ts";
import { loose, oneOf, text } from "./values.ts";

const portNumber: NumberShape = { kind: "number", whole: true, min: 1, max: 65_535 };

const port = object(
  {
    name: text,
    mode: oneOf("ingress", "host"),
    host_ip: { kind: "text", check: (given) => (isAddress(given) ? undefined : `${shown(given)} is no IP address`) },
    target: portNumber,
    published: { kind: "number", whole: true, min: 0, max: 65_535 },
    protocol: oneOf("tcp", "udp", "sctp"),
    app_protocol: text,
  },
  { required: ["target"] },
);

/** `[[IP:]HOST:]CONTAINER[/PROTOCOL]`, with ranges, or the long form. One entry for each port. */
export const ports: ListShape = {
  kind: "list",
  items: port,
  expand: longPorts,
  merge: (item) =>
    [
      fieldText(item, "host_ip") ?? "",
      fieldText(item, "published") ?? "",
      fieldText(item, "target") ?? "",
      fieldText(item, "protocol") ?? "tcp",
    ].join(" "),
};

export const expose: ListShape = {
  kind: "list",
  items: loose,
  merge: (item) => (item.kind === "scalar" ? item.text : ""),
};

const SHORT = /^(?:(?:(\[[^\]]*\]|[^:[\]]*):)?([^:]*):)?([^:/]+)(?:\/([^/]+))?$/;

function longPorts(item: Tree, where: Where): readonly Tree[] {
  if (item.kind !== "scalar" || item.value === null || typeof item.value === "boolean") return [item];
  const wrong = (what: string): Error =>
    problem(
      item.place,
      where.path,
      `${what} in ${shown(item.text)}; [[IP:]HOST:]CONTAINER[/PROTOCOL] is expected, as in "8080:80"`,
    );
  const found = SHORT.exec(item.text);
  if (found === null) throw wrong("this is no port");
  const [, address, host, container = "", protocol] = found;
  const targets = rangeOf(container);
  if (targets === undefined) throw wrong(`${shown(container)} is no port`);
  const published = host === undefined || host === "" ? undefined : rangeOf(host);
  if (host !== undefined && host !== "" && published === undefined) throw wrong(`${shown(host)} is no port`);
  const length = targets.last - targets.first;
  if (published !== undefined && published.last - published.first !== length) {
    throw wrong("there are as many ports of the host as of the container");
  }
  where.countPorts(item, where.path, length + 1);
  const ip = address?.replace(/^\[(.*)\]$/, "$1");
  const { place } = item;
  return Array.from({ length: length + 1 }, (_, offset) =>
    objectAt(
      {
        host_ip: ip === undefined || ip === "" ? undefined : textAt(ip, place),
        published: published === undefined ? undefined : scalarAt(published.first + offset, place),
        target: scalarAt(targets.first + offset, place),
        protocol: textAt(protocol?.toLowerCase() ?? "tcp", place),
      },
      place,
    ),
  );
}

function rangeOf(given: string): { readonly first: number; readonly last: number } | undefined {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(given);
  if (found === null) return undefined;
  const first = Number(found[1]);
  const last = found[2] === undefined ? first : Number(found[2]);
  return last < first || last > 65_535 ? undefined : { first, last };
}

/** Loosely: what an address looks like. Whoever binds to it knows better. */
export function isAddress(given: string): boolean {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(given)) return given.split(".").every((part) => Number(part) <= 255);
  return /^[0-9a-fA-F:.]{2,45}(?:%\w{1,16})?$/.test(given) && given.includes(":");
}
