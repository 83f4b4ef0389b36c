import { nodeId } from "@murmur/base";
import { networkId, serviceId, taskId, type EndpointTable, type TaskId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { askersOf } from "./askers.ts";
import type { AttachedContainer } from "./overlay-view.ts";

const [self, front, back] = [nodeId("n1"), networkId("f"), networkId("b")];
const web = [
  { networkId: front, ipv4: "10.1.0.2", ipv6: "fd00::2" },
  { networkId: back, ipv4: "10.2.0.2" },
];
const table: EndpointTable = {
  version: 1,
  networks: [],
  services: [
    {
      serviceId: serviceId("s"),
      name: "shop_web",
      stack: "shop",
      networks: [],
      published: [],
      endpoints: [],
      attached: [
        { taskId: taskId("t1"), nodeId: self, addresses: web },
        { taskId: taskId("t2"), nodeId: nodeId("n2"), addresses: [{ networkId: front, ipv4: "10.1.0.3" }] },
      ],
    },
  ],
};
const containers = (...of: readonly (readonly [string, AttachedContainer["addresses"]])[]) => ({
  containers: new Map<TaskId, AttachedContainer>(
    of.map(([id, addresses]) => [taskId(id), { netns: "/x", addresses, ports: new Map() }]),
  ),
  networks: [],
});

describe("who asks this node for names", () => {
  it("is known by each of its addresses: its networks, and its stack", () => {
    const scope = { networks: [front, back], stack: "shop" };
    const askers = askersOf(self, table, containers(["t1", web], ["t3", [{ networkId: back, ipv4: "10.2.0.9" }]]));
    expect(Object.fromEntries(askers)).toEqual({
      "10.1.0.2": scope,
      "fd00::2": scope,
      "10.2.0.2": scope,
      "10.2.0.9": { networks: [back] },
    });
  });

  it("may be a container that was connected by hand, by an address of the node's share", () => {
    const share = { ipv4: "10.1.0.128/31", ipv6: "fd00::8000/128" };
    const networks = [{ id: front, name: "front", share }];
    const place = { networks: [front], isByHand: true };
    expect(Object.fromEntries(askersOf(self, undefined, { containers: new Map(), networks }))).toEqual({
      "10.1.0.128": place,
      "10.1.0.129": place,
      "fd00::8000": place,
    });
  });

  it("may want servers of its own to be asked, from before its container is known", () => {
    const ownServers = new Map([
      [taskId("t4"), { addresses: [{ networkId: back, ipv4: "10.2.0.4" }], servers: ["192.0.2.53"] }],
    ]);
    ownServers.set(taskId("t1"), { addresses: web, servers: ["192.0.2.54"] });
    const askers = askersOf(self, table, { ...containers(), ownServers });
    expect(askers.get("10.2.0.4")).toEqual({ networks: [back], servers: ["192.0.2.53"] });
    expect(askers.get("fd00::2")).toEqual({ networks: [front, back], stack: "shop", servers: ["192.0.2.54"] });
  });

  it("is a container also before the node has a table", () => {
    expect(askersOf(self, undefined, containers(["t1", web])).get("10.1.0.2")).toEqual({ networks: [front, back] });
  });
});
