import { DEFAULT_ADDRESS_POOL } from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toDataPlane } from "./address-pool.ts";

const overlay = (subnet?: string, subnetLength?: number, further: readonly string[] = []) =>
  toDataPlane({ dataPlane: "overlay", subnets: subnet === undefined ? [] : [subnet, ...further], subnetLength });

describe("the pool of addresses", () => {
  it("is left to the cluster unless somebody says something", () => {
    expect(toDataPlane({ dataPlane: undefined, subnets: [], subnetLength: undefined })).toEqual({});
    expect(overlay()).toEqual({ dataPlane: "overlay" });
    expect(overlay(undefined, 22).addressPool).toEqual({ subnet: DEFAULT_ADDRESS_POOL.subnet, subnetLength: 22 });
    expect(overlay("10.20.0.0/16").addressPool).toEqual({ subnet: "10.20.0.0/16", subnetLength: 24 });
  });

  it.each<readonly [string, number, string]>([
    ["10.20.0.1/16", 24, "subnet: must not have bits set beyond its length: use 10.20.0.0/16"],
    ["10.20.0.0/33", 24, "subnet: must be ADDRESS/LENGTH"],
    ["fd00::/48", 28, "subnet: must be of IPv4"],
    ["10.20.0.0", 24, "subnet: must be ADDRESS/LENGTH"],
    ["10.20.0.0/16", 15, "subnetLength: must be from 16"],
    ["10.20.0.0/16", 29, "subnetLength"],
  ])("%s cut at %d is refused", (subnet, length, says) => {
    expect(() => overlay(subnet, length)).toThrow(says);
  });

  it("asks for the data plane that has networks with addresses", () => {
    const subnets = ["10.20.0.0/16"];
    expect(toDataPlane({ dataPlane: undefined, subnets, subnetLength: undefined }).dataPlane).toBe("overlay");
    expect(toDataPlane({ dataPlane: undefined, subnets: [], subnetLength: 20 }).dataPlane).toBe("overlay");
  });

  it("is refused where networks have no addresses", () => {
    const subnets = ["10.20.0.0/16"];
    expect(() => toDataPlane({ dataPlane: "ports", subnets, subnetLength: undefined })).toThrow("overlay");
  });

  it("may be several, which don't overlap and are all as large as their parts", () => {
    const further = ["10.30.0.0/16", "10.40.0.0/24"];
    const pool = { subnet: "10.20.0.0/16", further, subnetLength: 24 };
    expect(overlay("10.20.0.0/16", 24, further).addressPool).toEqual(pool);
    expect(() => overlay("10.20.0.0/16", 24, ["10.20.9.0/24"])).toThrow("further[0]: must not overlap 10.20.0.0/16");
    expect(() => overlay("10.20.0.0/16", 20, ["10.40.0.0/24"])).toThrow("subnetLength: must be from 24");
    expect(() => overlay("10.20.0.0/16", 24, ["10.30.0.0/16", "fd00::/48"])).toThrow("further[1]: must be of IPv4");
  });

  it("takes any text, or refuses it in one line", () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 40 })).map(([ip, bits]) => `${ip}/${String(bits)}`),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 32 }), (subnet, length) => {
        try {
          expect(overlay(subnet, length).addressPool).toEqual({ subnet, subnetLength: length });
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_argument" });
        }
      }),
    );
  });
});
