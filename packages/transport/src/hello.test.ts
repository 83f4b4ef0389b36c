import { nodeId } from "@murmur/base";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { agreedVersion, checkVersions, decodeHello, encodeHello, HELLO_BYTES_MAX, type Hello } from "./hello.ts";

const HELLO: Hello = {
  nodeId: nodeId("alpha00000000000000000000"),
  software: "1.2.3",
  protocolMin: 1,
  protocolMax: 2,
  instance: "i",
  connection: "c",
  closed: ["a", "b"],
  streamWindowBytes: 1000,
  bulkWindowBytes: 2000,
};

it("reads back what it wrote", () => {
  expect(decodeHello(encodeHello(HELLO))).toEqual(HELLO);
  const strange = { ...HELLO, software: "ü\r\n".repeat(100) };
  expect(encodeHello(strange)).toMatch(/^[\x20-\x7e]+$/);
  expect(decodeHello(encodeHello(strange))).toBeDefined();
});

it("takes nothing else", () => {
  const changes: object[] = [
    { nodeId: "short" },
    { protocolMin: 3 },
    { protocolMax: 1.5 },
    { closed: ["1", "2", "3", "4", "5"] },
    { closed: [1] },
    { software: undefined },
    { instance: "x".repeat(101) },
    { bulkWindowBytes: -1 },
  ];
  for (const change of changes) expect(decodeHello(JSON.stringify({ ...HELLO, ...change }))).toBeUndefined();
  for (const text of ["", "null", "[]", "{", " ".repeat(HELLO_BYTES_MAX + 1)])
    expect(decodeHello(text)).toBeUndefined();
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(decodeHello(text)).toBeUndefined();
    }),
  );
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(decodeHello(text)).toBeUndefined();
    }),
  );
});

it("finds a common version, or names both", () => {
  const other = { software: "2.0.0", protocolMin: 2, protocolMax: 5 };
  checkVersions(HELLO, other, "node b");
  checkVersions(other, HELLO, "node a");
  expect([agreedVersion(HELLO, other), agreedVersion(other, HELLO)]).toEqual([2, 2]);
  const newer = { software: "3.0.0", protocolMin: 3, protocolMax: 5 };
  expect(() => checkVersions(HELLO, newer, "node b")).toThrow(
    "node b runs Murmur 3.0.0 (protocol 3 to 5), this node runs 1.2.3 (protocol 1 to 2): upgrade this node",
  );
  expect(() => checkVersions(newer, HELLO, "node a")).toThrow(/upgrade node a$/);
});
