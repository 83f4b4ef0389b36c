import { describe, expect, it } from "vitest";
import { parseGenericOffer, parseGenericRequest } from "./generic-resources.ts";

describe("generic resources of a service", () => {
  it("are numbers by kind, one a flag or several apart by commas", () => {
    expect(parseGenericRequest(["NVIDIA-GPU=2", "ssd=1, fpga=3"])).toEqual({
      "NVIDIA-GPU": 2,
      ssd: 1,
      fpga: 3,
    });
  });

  it.each([
    ["gpu", /give KIND=VALUE/],
    ["gpu=", /give KIND=VALUE/],
    ["=1", /give KIND=VALUE/],
    ["g pu=1", /give KIND=VALUE/],
    ["gpu=UUID1", /a service asks for a number of them, such as gpu=1/],
    ["gpu=0", /give a number from 1 to/],
    ["gpu=-1", /give a number from 1 to/],
    ["gpu=99999999999", /give a number from 1 to/],
    ["gpu=1,gpu=2", /gpu is given twice/],
    ["gpü=1", /give KIND=VALUE/],
  ])("%s is refused with what to give", (text, problem) => {
    expect(() => parseGenericRequest([text])).toThrow(problem);
  });
});

describe("generic resources of a node", () => {
  it("are a number of a kind, or its names", () => {
    expect(parseGenericOffer(["gpu=UUID1", "gpu=UUID2", "ssd=3"])).toEqual({
      gpu: ["UUID1", "UUID2"],
      ssd: 3,
    });
  });

  it.each(["gpu=1,gpu=a", "gpu=a,gpu=1", "gpu=a,gpu=a", "gpu=1,gpu=1"])("%s is neither", (text) => {
    expect(() => parseGenericOffer([text])).toThrow(/one number, or different names/);
  });
});
