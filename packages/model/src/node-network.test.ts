import { describe, expect, it } from "vitest";
import { networkId } from "./ids.ts";
import { findNodeNetwork, NODE_NETWORKS, nodeNetworkOf } from "./node-network.ts";

describe("the nodes' own networks", () => {
  it("have ids like those of others, and are found by id and name", () => {
    for (const network of NODE_NETWORKS) {
      expect(network.id).toMatch(/^[0-9a-z]{25}$/);
      expect([findNodeNetwork(network.id), findNodeNetwork(network.name)]).toEqual([network, network]);
    }
    expect(findNodeNetwork("hos")).toBeUndefined();
  });

  it("are told from those of the cluster in a spec", () => {
    const of = (...ids: string[]) => nodeNetworkOf({ networks: ids.map((id) => ({ target: networkId(id) })) });
    expect(of(NODE_NETWORKS[0]?.id ?? "")).toMatchObject({ name: "host" });
    expect([of(), of("net1")]).toEqual([undefined, undefined]);
  });
});
