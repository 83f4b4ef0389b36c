import { expect, it } from "vitest";
import { planeObstacle, thisMachine, type MachineFacts } from "./plane-obstacle.ts";

const able: MachineFacts = { platform: "linux", isRoot: true, hasTool: async () => true };
const without = (...names: readonly string[]): MachineFacts => ({
  ...able,
  hasTool: async (name) => !names.includes(name),
});

it.each<readonly [string, MachineFacts, string]>([
  ["another system", { ...able, platform: "darwin" }, "it needs Linux, and this is darwin"],
  ["no root", { ...able, isRoot: false }, "it needs root: run the daemon as root"],
  ["one tool", without("nft"), "nft can't be found on PATH: install nftables (Debian's names)"],
  [
    "several tools",
    without("ip", "bridge", "conntrack"),
    "ip, bridge, conntrack can't be found on PATH: install iproute2 and conntrack (Debian's names)",
  ],
])("the overlay is not to be had with %s missing", async (_, machine, says) => {
  expect(await planeObstacle("overlay", machine)).toBe(says);
  expect(await planeObstacle("ports", machine)).toBeUndefined();
});

it("the overlay is to be had with all that it needs", async () => {
  expect(await planeObstacle("overlay", able)).toBeUndefined();
});

it("finds this machine's programs", async () => {
  expect(await thisMachine.hasTool("sh")).toBe(true);
  expect(await thisMachine.hasTool("no-such-program-anywhere")).toBe(false);
});
