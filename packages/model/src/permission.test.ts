import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDevice, unpermitted } from "./permission.ts";

const device = (source: string) => ({ source, target: source, permissions: "rwm" });

describe("a node's permissions", () => {
  it.each([
    [{ privileged: true }, undefined, ["privileged"]],
    [{ privileged: true }, { devices: ["/dev"] }, ["privileged"]],
    [{ privileged: true, devices: [device("/dev/fuse")] }, { privileged: true }, []],
    [{ devices: [device("/dev/fuse")] }, { privileged: true }, []],
    [{ devices: [device("/dev/fuse"), device("/dev/sda")] }, { devices: ["/dev/fuse"] }, ["device /dev/sda"]],
    [{ devices: [device("/dev/dri/card0")] }, { devices: ["/dev/dri"] }, []],
    [{ devices: [device("/dev/drivel")] }, { devices: ["/dev/dri"] }, ["device /dev/drivel"]],
    [{ devices: [device("/dev/dri/../sda")] }, { devices: ["/dev/dri", "/"] }, ["device /dev/dri/../sda"]],
    [{}, undefined, []],
  ] as const)("of %j with %j are missing %j", (container, permits, missing) => {
    expect(unpermitted(container, permits)).toEqual(missing);
  });
});

describe("a device", () => {
  it.each([
    ["/dev/fuse", ["/dev/fuse", "/dev/fuse", "rwm"]],
    ["/dev/fuse:r", ["/dev/fuse", "/dev/fuse", "r"]],
    ["/dev/sda:/dev/xvda", ["/dev/sda", "/dev/xvda", "rwm"]],
    ["/dev/sda:/dev/xvda:rm", ["/dev/sda", "/dev/xvda", "rm"]],
  ])("%s is read", (text, [source, target, permissions]) => {
    expect(parseDevice(text)).toEqual({ source, target, permissions });
  });

  it.each([
    "",
    "dev",
    "/dev/a:b",
    "/dev/a::r",
    "/dev/a:/b:x",
    "/dev/a:/b:rr",
    "/dev/a:/b:r:w",
    "/dev/../a",
    "/dev/a:rwmr",
  ])("%j is none", (text) => expect(parseDevice(text)).toBeUndefined());

  it("is the same when it is written out and read again", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.constantFrom("/", "dev", ":", "r", "w", "..")).map((a) => a.join("")),
        ),
        (text) => {
          const read = parseDevice(text);
          if (read !== undefined)
            expect(parseDevice(`${read.source}:${read.target}:${read.permissions}`)).toEqual(read);
        },
      ),
    );
  });
});
