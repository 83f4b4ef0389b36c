import { serviceId, tableDigest, type EndpointPart, type EndpointTable, type ServiceEndpoints } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { EndpointCopy } from "./endpoint-copy.ts";

const service = (id: string): ServiceEndpoints => ({
  serviceId: serviceId(id),
  name: id,
  networks: [],
  published: [],
  endpoints: [],
});
const tableOf = (version: number, ...ids: readonly string[]): EndpointTable => ({
  version,
  networks: [],
  services: ids.map(service),
});
const part = (from: number, to: EndpointTable, more: Partial<EndpointPart> = {}): EndpointPart => ({
  from,
  version: to.version,
  digest: tableDigest(to),
  part: 0,
  more: false,
  networks: [],
  services: to.services,
  removedNetworks: [],
  removedServices: [],
  ...more,
});
const names = ({ table }: EndpointCopy): readonly string[] | undefined => table?.services.map(({ name }) => name);

function setup() {
  const copy = new EndpointCopy();
  expect(copy.take(part(0, tableOf(3, "a", "b")))).toBe("taken");
  return copy;
}

describe("a copy of the endpoints", () => {
  it("begins with nothing, and takes the whole table as it is", () => {
    const copy = new EndpointCopy();
    expect([copy.table, copy.base]).toEqual([undefined, 0]);
    expect(copy.take(part(0, tableOf(3, "a"), { digest: 1 }))).toBe("taken");
    expect([names(copy), copy.base]).toEqual([["a"], 3]);
  });

  it("is swapped once all parts have come", () => {
    const copy = setup();
    const to = tableOf(5, "c", "d");
    expect(copy.take(part(0, to, { services: [service("c")], more: true }))).toBe("taken");
    expect(names(copy)).toEqual(["a", "b"]);
    expect(copy.take(part(0, to, { services: [service("d")], part: 1 }))).toBe("taken");
    expect(names(copy)).toEqual(["c", "d"]);
  });

  it("forgets what came of a change when its session ends, and when another one begins", () => {
    const copy = setup();
    const [old, to] = [tableOf(5, "c"), tableOf(6, "d")];
    copy.take(part(0, old, { more: true }));
    copy.begin();
    expect(copy.take(part(0, to, { more: true }))).toBe("taken");
    expect(copy.take(part(0, to, { more: true }))).toBe("taken");
    expect(copy.take(part(0, to, { services: [], part: 1 }))).toBe("taken");
    expect(names(copy)).toEqual(["d"]);
  });

  it.each<[string, EndpointPart]>([
    ["starts from another version", part(2, tableOf(5, "a", "b", "c"))],
    ["comes to something else than it should", part(3, tableOf(5, "a", "b", "c"), { digest: 1 })],
    ["lacks its beginning", part(3, tableOf(5, "a", "b", "c"), { part: 1 })],
  ])("asks for all, once, after a change that %s, and stays in use", (_what, wrong) => {
    const copy = setup();
    expect(copy.take(wrong)).toBe("gap");
    expect([names(copy), copy.base]).toEqual([["a", "b"], 0]);
    expect(copy.take(part(5, tableOf(6, "z")))).toBe("taken");
    expect(names(copy)).toEqual(["a", "b"]);
    copy.take(part(0, tableOf(7, "z")));
    expect([names(copy), copy.base]).toEqual([["z"], 7]);
    expect(copy.take(part(5, tableOf(8, "z")))).toBe("gap");
  });

  it("goes on from what was saved", () => {
    const copy = new EndpointCopy();
    copy.restore(tableOf(3, "a"));
    expect(copy.base).toBe(3);
    expect(copy.take(part(3, tableOf(4, "a", "b"), { services: [service("b")] }))).toBe("taken");
    expect(names(copy)).toEqual(["a", "b"]);
  });
});
