import { describe, expect, it } from "vitest";
import { networksApart, olderEngineWish, olderNetworkWish } from "./older-engine-wish.ts";

/** Of a client of the newest version. */
const to = (engine: string) => ({ client: "1.47", engine });
const mounted = (mount: object) => ({ HostConfig: { Mounts: [{ Type: "bind" }, mount] } });

describe("what an engine older than its client is asked for", () => {
  it.each([
    ["--annotation", "1.43", "1.42", { HostConfig: { Annotations: { a: "b" } } }],
    ["--health-start-interval", "1.44", "1.43", { Healthcheck: { StartInterval: 1_000_000_000 } }],
    ["bind-recursive=readonly", "1.44", "1.41", mounted({ BindOptions: { ReadOnlyForceRecursive: true } })],
    ["volume-subpath", "1.45", "1.44", mounted({ VolumeOptions: { Subpath: "a/b" } })],
  ])("is refused where it would be passed over: %s", (what, since, before, wish) => {
    expect(() => olderEngineWish(wish, to(before))).toThrow(
      `${what} requires API version ${since}, but this node's engine has ${before}: update the engine, or leave it out`,
    );
    expect(olderEngineWish(wish, to(since))).toBe(wish);
    // A client that doesn't know it means nothing by it.
    expect(olderEngineWish(wish, { client: "1.42", engine: "1.41" })).toBe(wish);
    expect(olderEngineWish(wish, undefined)).toBe(wish);
  });

  it.each([
    undefined,
    "text",
    {},
    { HostConfig: { Annotations: {}, Mounts: null }, Healthcheck: { StartInterval: 0 } },
    mounted({ BindOptions: { ReadOnlyNonRecursive: true }, VolumeOptions: { Subpath: "" } }),
    { HostConfig: { NetworkMode: "a" }, NetworkingConfig: { EndpointsConfig: { a: { MacAddress: "" }, b: null } } },
  ])("goes on as it came otherwise: %j", (wish) => {
    expect(olderEngineWish(wish, to("1.41"))).toBe(wish);
  });

  describe("with an address of its own", () => {
    const MacAddress = "02:42:0a:00:00:09";
    const wish = (mode: string, endpoints: object) => ({
      Image: "i",
      HostConfig: { NetworkMode: mode },
      NetworkingConfig: { EndpointsConfig: endpoints },
    });

    it("has it where engines of before look for it", () => {
      const one = { MacAddress };
      for (const given of [wish("default", { bridge: one }), wish("", { a: one }), wish("a", { b: {}, a: one })]) {
        expect(olderEngineWish(given, to("1.43"))).toEqual({ ...given, MacAddress });
        expect(olderEngineWish(given, to("1.44"))).toBe(given);
      }
    });

    it("is refused with one in another network than its first", () => {
      const refusal = "an address (mac-address) in each network requires API version 1.44";
      expect(() => olderEngineWish(wish("a", { a: {}, b: { MacAddress } }), to("1.41"))).toThrow(refusal);
      expect(() => olderEngineWish(wish("a", { a: { MacAddress }, b: { MacAddress } }), to("1.41"))).toThrow(refusal);
    });
  });
});

describe("the networks of a container", () => {
  const wish = (NetworkMode: string | undefined, EndpointsConfig: object) => ({
    HostConfig: { NetworkMode },
    NetworkingConfig: { EndpointsConfig },
  });
  const [x, y] = [{ Aliases: ["x"] }, { Aliases: ["y"] }];

  it.each([
    ["b", { a: x, b: y }, { b: y }, [{ network: "a", endpoint: x }]],
    ["default", { a: x, bridge: y }, { bridge: y }, [{ network: "a", endpoint: x }]],
    [undefined, { a: x, b: y }, { a: x }, [{ network: "b", endpoint: y }]],
    [
      "c",
      { a: x, b: y },
      {},
      [
        { network: "a", endpoint: x },
        { network: "b", endpoint: y },
      ],
    ],
  ])("are taken apart where the engine takes one: in %s of %j", (mode, endpoints, own, others) => {
    expect(networksApart(wish(mode, endpoints), to("1.43"))).toEqual({ wish: wish(mode, own), others });
  });

  it.each([
    ["one", wish("a", { a: x }), "1.41"],
    ["an engine that knows it", wish("a", { a: x, b: y }), "1.44"],
    ["a namespace of the host's", wish("host", { a: x, b: y }), "1.41"],
    ["a namespace of another", wish("container:c", { a: x, b: y }), "1.41"],
  ])("stay together: %s", (_why, given, engine) => {
    expect(networksApart(given, to(engine))).toEqual({ wish: given, others: [] });
    expect(networksApart(given, to(engine)).wish).toBe(given);
  });
});

describe("a network of an older engine", () => {
  it("is refused by it when its name is taken, as newer ones do unasked", () => {
    expect(olderNetworkWish({ Name: "a" }, to("1.43"))).toEqual({ Name: "a", CheckDuplicate: true });
    for (const given of [{ Name: "a" }, undefined, []]) {
      expect(olderNetworkWish(given, { client: "1.43", engine: "1.41" })).toBe(given);
      expect(olderNetworkWish(given, to("1.44"))).toBe(given);
    }
    expect(olderNetworkWish("text", to("1.41"))).toBe("text");
  });
});
