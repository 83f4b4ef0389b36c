import { networkId, type Network } from "@murmur/model";
import { expect, it } from "vitest";
import { RecordTexts } from "./record-texts.ts";

interface Plain {
  readonly name: string;
}

const ID = networkId("n".repeat(25));
const network = (name: string): Network => ({ id: ID, spec: { name } }) as unknown as Network;

it("encodes a record once", () => {
  let encoded = 0;
  const texts = new RecordTexts<Plain>(({ name }) => ({ Name: name, Nth: (encoded += 1) }));
  const one = { name: "one" };
  expect(texts.textOf(one, () => undefined)).toBe('{"Name":"one","Nth":1}');
  expect(texts.textOf(one, () => undefined)).toBe('{"Name":"one","Nth":1}');
  expect(texts.textOf({ name: "one" }, () => undefined)).toBe('{"Name":"one","Nth":2}');
});

it("encodes a record anew when a network of it has changed, has come or has gone", () => {
  const texts = new RecordTexts<Plain>(({ name }, networkOf) => ({ name, network: networkOf(ID)?.spec.name }));
  const record = { name: "web" };
  const [before, after] = [network("before"), network("after")];
  expect(texts.textOf(record, () => undefined)).toBe('{"name":"web"}');
  expect(texts.textOf(record, () => before)).toBe('{"name":"web","network":"before"}');
  expect(texts.textOf(record, () => after)).toBe('{"name":"web","network":"after"}');
  expect(texts.textOf(record, () => undefined)).toBe('{"name":"web"}');
});

it("forgets all texts when they are more than it may keep, and goes on", () => {
  let encoded = 0;
  const texts = new RecordTexts<Plain>(({ name }) => (encoded++, { name }), 40);
  const records = ["one", "two", "three", "four"].map((name) => ({ name }));
  for (const round of [1, 2, 3]) {
    const all = records.map((record) => texts.textOf(record, () => undefined));
    expect(all, `round ${String(round)}`).toEqual(records.map((record) => JSON.stringify(record)));
  }
  expect(encoded).toBeGreaterThan(records.length);
  const small = new RecordTexts<Plain>(({ name }) => (encoded++, { name }), 1_000);
  encoded = 0;
  for (let round = 0; round < 3; round += 1) for (const record of records) small.textOf(record, () => undefined);
  expect(encoded).toBe(records.length);
});
