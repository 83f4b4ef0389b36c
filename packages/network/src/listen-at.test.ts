import { expect, it } from "vitest";
import { listenAt } from "./listen-at.ts";

it.each([
  ["0.0.0.0", undefined, {}],
  ["::", undefined, {}],
  ["0.0.0.0", "10.0.0.1", { address: "10.0.0.1" }],
  ["0.0.0.0", "0.0.0.0", { address: "0.0.0.0" }],
  ["0.0.0.0", "::", { address: "::" }],
  ["10.0.0.1", undefined, { address: "10.0.0.1" }],
  ["10.0.0.1", "10.0.0.1", { address: "10.0.0.1" }],
  ["10.0.0.1", "0.0.0.0", { address: "10.0.0.1" }],
  ["10.0.0.1", "10.0.0.2", undefined],
  ["10.0.0.1", "::", undefined],
  ["fd00:0::1", "fd00::1", { address: "fd00:0::1" }],
  ["::1", "::", { address: "::1" }],
])("a node that publishes on %s opens a port of %s at %j", (publishAddress, hostIp, at) => {
  expect(listenAt(publishAddress, hostIp)).toEqual(at);
});
