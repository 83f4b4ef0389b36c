import type { EndpointTable, NetworkEntry, ServiceEndpoints } from "./endpoint.ts";
import { entryDigest } from "./endpoint-digest.ts";
import type { Index, NetworkId, ServiceId } from "./ids.ts";

/** What turns the endpoint table of one version into that of another. */
export interface EndpointChange {
  /** The version that it starts from; 0: from nothing, and it has the whole table. */
  readonly from: Index;
  readonly version: Index;
  /** `tableDigest` of what comes of it. */
  readonly digest: number;
  /** New ones, and those that are not what they were. */
  readonly networks: readonly NetworkEntry[];
  readonly services: readonly ServiceEndpoints[];
  readonly removedNetworks: readonly NetworkId[];
  readonly removedServices: readonly ServiceId[];
}

/** A change as it travels: in parts that fit a message each. */
export interface EndpointPart extends EndpointChange {
  /** From 0. */
  readonly part: number;
  /** Whether this isn't the last one. */
  readonly more: boolean;
}

const EMPTY: EndpointTable = { version: 0, networks: [], services: [] };

/** The table that comes of a change. What the change doesn't name stays the same object. O(table). */
export function changeTable(table: EndpointTable | undefined, change: EndpointChange): EndpointTable {
  const base = change.from === 0 || table === undefined ? EMPTY : table;
  return {
    version: change.version,
    networks: merged(base.networks, change.networks, change.removedNetworks, ({ id }) => id),
    services: merged(base.services, change.services, change.removedServices, ({ serviceId }) => serviceId),
  };
}

/** Sorted by id, as a table's lists are. The same list where nothing changed. */
function merged<T, Id extends string>(
  held: readonly T[],
  changed: readonly T[],
  removed: readonly Id[],
  idOf: (entry: T) => Id,
): readonly T[] {
  if (changed.length === 0 && removed.length === 0) return held;
  const entries = new Map(held.map((entry) => [idOf(entry), entry]));
  for (const id of removed) entries.delete(id);
  for (const entry of changed) entries.set(idOf(entry), entry);
  return [...entries.values()].toSorted((left, right) => (idOf(left) < idOf(right) ? -1 : 1));
}

/** A change in parts of about so many bytes at most; at least one. */
export function partsOf(change: EndpointChange, bytesMax: number): readonly EndpointPart[] {
  const { networks, services, ...rest } = change;
  const parts: { networks: NetworkEntry[]; services: ServiceEndpoints[]; bytes: number }[] = [];
  const room = (bytes: number): { networks: NetworkEntry[]; services: ServiceEndpoints[]; bytes: number } => {
    let last = parts.at(-1);
    if (last === undefined || (last.bytes > 0 && last.bytes + bytes > bytesMax)) {
      last = { networks: [], services: [], bytes: 0 };
      parts.push(last);
    }
    last.bytes += bytes;
    return last;
  };
  room(0);
  for (const network of networks) room(entryDigest(network).bytes).networks.push(network);
  for (const service of services) {
    for (const { piece, bytes } of piecesOf(service, bytesMax)) room(bytes).services.push(piece);
  }
  // What is removed is ids only, of which a history holds far fewer than a message has room for.
  return parts.map((part, at) => ({
    ...rest,
    ...(at > 0 && { removedNetworks: [], removedServices: [] }),
    networks: part.networks,
    services: part.services,
    part: at,
    more: at < parts.length - 1,
  }));
}

/** A service that is too large for one part; its pieces have its endpoints, and its attached tasks, one after the other. */
function piecesOf(
  service: ServiceEndpoints,
  bytesMax: number,
): readonly { readonly piece: ServiceEndpoints; readonly bytes: number }[] {
  const { bytes } = entryDigest(service);
  if (bytes <= bytesMax) return [{ piece: service, bytes }];
  const { endpoints, attached } = service;
  const rows = Math.max(endpoints.length, attached?.length ?? 0);
  const count = Math.min(Math.max(1, rows), Math.ceil(bytes / bytesMax));
  const length = Math.ceil(rows / count);
  return Array.from({ length: count }, (_none, at) => {
    const [begin, end] = [at * length, (at + 1) * length];
    const piece = {
      ...(at === 0 ? service : bare(service)),
      endpoints: endpoints.slice(begin, end),
      ...(attached !== undefined && { attached: attached.slice(begin, end) }),
    };
    return { piece, bytes: bytes / count };
  });
}

const bare = ({ serviceId, name }: ServiceEndpoints): ServiceEndpoints => ({
  serviceId,
  name,
  networks: [],
  published: [],
  endpoints: [],
});

/** What the parts of a change, all of them, were made of. */
export function joinParts(parts: readonly EndpointPart[]): EndpointChange | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  const { part: _part, more: _more, ...change } = first;
  if (parts.length === 1) return change;
  const services: ServiceEndpoints[] = [];
  for (const piece of parts.flatMap((part) => part.services)) {
    const last = services.at(-1);
    if (last?.serviceId === piece.serviceId) services[services.length - 1] = continued(last, piece);
    else services.push(piece);
  }
  return { ...change, networks: parts.flatMap(({ networks }) => networks), services };
}

const continued = (service: ServiceEndpoints, { endpoints, attached = [] }: ServiceEndpoints): ServiceEndpoints => ({
  ...service,
  endpoints: [...service.endpoints, ...endpoints],
  ...(service.attached !== undefined && { attached: [...service.attached, ...attached] }),
});
