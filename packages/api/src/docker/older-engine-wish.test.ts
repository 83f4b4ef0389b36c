import { describe, expect, it } from "vitest";
import { olderEngineWish } from "./older-engine-wish.ts";

const mounted = (mount: object) => ({ HostConfig: { Mounts: [{ Type: "bind" }, mount] } });

describe("what an engine older than its client is asked for", () => {
  it.each([
    ["--annotation", "1.43", "1.42", { HostConfig: { Annotations: { a: "b" } } }],
    ["--health-start-interval", "1.44", "1.43", { Healthcheck: { StartInterval: 1_000_000_000 } }],
    ["bind-recursive=readonly", "1.44", "1.41", mounted({ BindOptions: { ReadOnlyForceRecursive: true } })],
    ["volume-subpath", "1.45", "1.44", mounted({ VolumeOptions: { Subpath: "a/b" } })],
  ])("is refused where it would be passed over: %s", (what, since, before, wish) => {
    expect(() => olderEngineWish(wish, before)).toThrow(
      `${what} requires API version ${since}, but this node's engine has ${before}: update the engine, or leave it out`,
    );
    expect(olderEngineWish(wish, since)).toBe(wish);
  });

  it.each([
    undefined,
    "text",
    {},
    { HostConfig: { Annotations: {}, Mounts: null }, Healthcheck: { StartInterval: 0 } },
    mounted({ BindOptions: { ReadOnlyNonRecursive: true }, VolumeOptions: { Subpath: "" } }),
    { HostConfig: { NetworkMode: "a" }, NetworkingConfig: { EndpointsConfig: { a: { MacAddress: "" }, b: null } } },
  ])("goes on as it came otherwise: %j", (wish) => {
    expect(olderEngineWish(wish, "1.41")).toBe(wish);
  });

  describe("with an address of its own", () => {
    const MacAddress = "02:42:0a:00:00:09";
    const wish = (mode: string, endpoints: object) => ({
      Image: "i",
      HostConfig: { NetworkMode: mode },
      NetworkingConfig: { EndpointsConfig: endpoints },
    });

    it("has it where engines of before look for it", () => {
      for (const given of [wish("default", { default: { MacAddress } }), wish("a", { b: {}, a: { MacAddress } })]) {
        expect(olderEngineWish(given, "1.43")).toEqual({ ...given, MacAddress });
        expect(olderEngineWish(given, "1.44")).toBe(given);
      }
    });

    it("is refused with one in another network than its first", () => {
      const refusal = "an address (mac-address) in each network requires API version 1.44";
      expect(() => olderEngineWish(wish("a", { a: {}, b: { MacAddress } }), "1.41")).toThrow(refusal);
      expect(() => olderEngineWish(wish("a", { a: { MacAddress }, b: { MacAddress } }), "1.41")).toThrow(refusal);
    });
  });
});
