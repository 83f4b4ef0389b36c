import { expect, it } from "vitest";
import type { CommandResult } from "../overlay/kernel/commands.ts";
import { Runner } from "../overlay/kernel/runner.ts";
import { hostBridges } from "./container-ports.ts";

it("takes a bridge for there when its engine has brought it up, whether anybody is connected or not", async () => {
  const links = [
    { ifname: "mm1", flags: ["BROADCAST", "MULTICAST"], operstate: "DOWN" },
    { ifname: "mm2", flags: ["NO-CARRIER", "BROADCAST", "MULTICAST", "UP"], operstate: "DOWN" },
    { ifname: "docker0", flags: ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"], operstate: "UP" },
  ];
  const result: CommandResult = { status: 0, output: JSON.stringify(links), errors: "" };
  expect([...(await hostBridges(new Runner({ commands: { run: () => Promise.resolve(result) } })))]).toEqual([
    "mm2",
    "docker0",
  ]);
});
