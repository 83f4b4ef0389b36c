import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { changeTable, joinParts, partsOf, type EndpointChange } from "./endpoint-change.ts";
import { entryDigest, tableDigest } from "./endpoint-digest.ts";
import type { EndpointTable, ServiceEndpoints } from "./endpoint.ts";
import { networkId, serviceId, taskId } from "./ids.ts";

const service = (id: string, tasks = 1): ServiceEndpoints => ({
  serviceId: serviceId(id),
  name: id,
  networks: [{ networkId: networkId("n1"), aliases: ["alias"] }],
  published: [],
  endpoints: Array.from({ length: tasks }, (_none, slot) => ({
    taskId: taskId(`${id}-${String(slot)}`),
    slot,
    nodeId: nodeId("n1"),
    address: "10.0.0.1",
    ports: [],
  })),
  vips: [],
  attached: Array.from({ length: tasks + 1 }, (_none, slot) => ({
    taskId: taskId(`${id}-${String(slot)}`),
    nodeId: nodeId("n1"),
    addresses: [],
  })),
});
const TABLE: EndpointTable = {
  version: 3,
  networks: [{ id: networkId("n1"), name: "one" }],
  services: [service("a"), service("c")],
};
const change = (parts: Partial<EndpointChange>): EndpointChange => ({
  from: 3,
  version: 5,
  digest: 0,
  networks: [],
  services: [],
  removedNetworks: [],
  removedServices: [],
  ...parts,
});

describe("a change of a table", () => {
  it("puts in what is new, takes out what is gone, and leaves the rest as it was", () => {
    const next = changeTable(TABLE, change({ services: [service("b")], removedServices: [serviceId("c")] }));
    expect(next.version).toBe(5);
    expect(next.services.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(next.services[0]).toBe(TABLE.services[0]);
    expect(next.networks).toBe(TABLE.networks);
  });

  it("leaves the lists as they were when it is none", () => {
    expect(changeTable(TABLE, change({})).services).toBe(TABLE.services);
  });

  it("that starts from nothing leaves nothing of what was there", () => {
    const next = changeTable(TABLE, change({ from: 0, services: [service("b")] }));
    expect(next).toMatchObject({ networks: [], services: [{ name: "b" }] });
  });
});

describe("parts of a change", () => {
  const large = change({
    networks: TABLE.networks,
    services: [service("a", 40), service("b"), service("c", 7), service("d", 0)],
    removedServices: [serviceId("z")],
    removedNetworks: [networkId("n9")],
  });

  it.each([60, 100, 500, 5_000, 1_000_000])("of %i bytes at most give the change again", (bytesMax) => {
    const parts = partsOf(large, bytesMax);
    expect(parts.map(({ part }) => part)).toEqual(parts.map((_part, at) => at));
    expect(parts.map(({ more }) => more)).toEqual(parts.map((_part, at) => at < parts.length - 1));
    const joined = joinParts(parts);
    expect(joined).toEqual(large);
  });

  it("are as small as was asked for, with services cut into pieces", () => {
    const [bytesMax, most] = [1_000, 1_500];
    const parts = partsOf(large, bytesMax);
    expect(parts.length).toBeGreaterThan(5);
    for (const { networks, services } of parts) {
      expect(JSON.stringify([networks, services]).length).toBeLessThan(most);
    }
  });

  it("are one, with nothing in it, of a change that is none", () => {
    expect(partsOf(change({}), 100)).toEqual([{ ...change({}), part: 0, more: false }]);
  });
});

describe("the digest of a table", () => {
  it("follows its entries, in any order, and not its version", () => {
    const [a, c] = TABLE.services;
    const services = [c, a].flatMap((one) => one ?? []);
    expect(tableDigest({ ...TABLE, services })).toBe(tableDigest(TABLE));
    expect(tableDigest({ ...TABLE, services: [service("a"), service("c", 2)] })).not.toBe(tableDigest(TABLE));
    expect(tableDigest({ ...TABLE, networks: [] })).not.toBe(tableDigest(TABLE));
  });

  it("is the same of equal entries, whatever the order of their names", () => {
    const entry = service("a", 3);
    const turned = JSON.parse(JSON.stringify(entry), (_key, value: unknown) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toReversed())
        : value,
    ) as ServiceEndpoints;
    expect(JSON.stringify(turned)).not.toBe(JSON.stringify(entry));
    expect(entryDigest(turned)).toEqual(entryDigest(entry));
  });

  it("differs when anything does", () => {
    const entry = service("a", 3);
    const others: readonly ServiceEndpoints[] = [
      { ...entry, name: "b" },
      { ...entry, endpoints: entry.endpoints.toReversed() },
      { ...entry, endpoints: entry.endpoints.slice(1) },
      { ...entry, attached: [] },
      { ...entry, endpoints: entry.endpoints.map((endpoint) => ({ ...endpoint, slot: endpoint.slot + 1 })) },
    ];
    expect(new Set([entry, ...others].map((one) => entryDigest(one).digest)).size).toBe(others.length + 1);
  });
});
