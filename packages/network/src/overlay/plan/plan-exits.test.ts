import { networkId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import type { OverlayNetwork } from "../state.ts";
import { FIXED_STATE } from "../testing/fixed-state.ts";
import { planExits } from "./plan-container.ts";

const [model] = FIXED_STATE.networks;
const network = (id: string, number: number, more: Partial<OverlayNetwork> = {}): OverlayNetwork => {
  if (model === undefined) throw new Error("the fixed state has a network");
  const { subnet6: _, ...rest } = model;
  return { ...rest, id: networkId(id), gateway: { ipv4: `10.${String(number)}.0.1` }, ...more };
};
const networks = [
  network("front", 1),
  network("back", 2, { gateway: { ipv4: "10.2.0.1", ipv6: "FD00:0:2::1" } }),
  network("inside", 3, { internal: true, gateway: { ipv4: "10.3.0.1", ipv6: "fd00:0:3::1" } }),
];
const exits = (...ids: readonly string[]) => planExits(ids, { networks }).map(({ via }) => via);

describe("the default route of a container", () => {
  it("goes through the first of its networks that isn't internal, for each family through the first that has it", () => {
    expect(exits("front", "back")).toEqual(["10.1.0.1", "fd00:0:2::1"]);
    expect(exits("back", "front")).toEqual(["10.2.0.1", "fd00:0:2::1"]);
    expect(exits("inside", "front")).toEqual(["10.1.0.1"]);
    expect(exits("inside", "back", "front")).toEqual(["10.2.0.1", "fd00:0:2::1"]);
  });

  it("is left as it is where there is nothing to choose", () => {
    expect(exits("back")).toEqual([]);
    expect(exits("inside")).toEqual([]);
    expect(exits()).toEqual([]);
    expect(exits("inside", "away")).toEqual([]);
  });
});
