import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { HOST } from "../kernel-object.ts";
import type { OverlayState } from "../state.ts";
import { FIXED_STATE, NETNS } from "../testing/fixed-state.ts";
import { plan } from "./plan.ts";

const FACTS = { dockerFilters: [] };
/** Node 2 has containers that nobody knows of; or it isn't there. */
const withOther = (behind: { ipv4: string; ipv6?: string } | undefined): OverlayState => ({
  ...FIXED_STATE,
  tasks: FIXED_STATE.tasks.filter((task) => task.nodeId === nodeId("n1")),
  services: [],
  ports: [],
  networks: FIXED_STATE.networks.map((network) => ({
    ...network,
    nodes: network.nodes.flatMap((node) =>
      node.id === nodeId("n1") ? node : behind === undefined ? [] : { ...node, behind },
    ),
  })),
});
const RANGES = { ipv4: "10.9.0.128/30", ipv6: "fd09::8000/127" };

describe("containers behind a node's gateway", () => {
  it("are all found there, whether they are there or not", () => {
    const host = [...(plan(withOther(RANGES), FACTS).get(HOST)?.values() ?? [])];
    const neighbours = host.filter((object) => object.kind === "neighbour");
    const addresses = [
      "10.9.0.128",
      "10.9.0.129",
      "10.9.0.130",
      "10.9.0.131",
      "10.9.0.252",
      "fd09::8000",
      "fd09::8001",
    ];
    expect(neighbours.map(({ address }) => address).toSorted()).toEqual(addresses);
    expect(new Set(neighbours.map(({ mac }) => mac))).toEqual(new Set(["02:42:0a:09:00:fc"]));
    expect(host.filter((object) => object.kind === "forward")).toHaveLength(1);
  });

  it("are alive to their own host, which may have published ports of theirs", () => {
    const state = withOther(undefined);
    const own = {
      ...state,
      networks: state.networks.map((network) => ({
        ...network,
        nodes: network.nodes.map((node) => ({ ...node, behind: RANGES })),
      })),
    };
    const held = plan(own, FACTS);
    const live = (place: string) =>
      [...(held.get(place)?.keys() ?? [])].filter((key) => /^element live[46] .*(128|8000)$/.test(key));
    expect(live(HOST)).toEqual(["element live4 10.9.0.128", "element live6 fd09::8000"]);
    expect(live(NETNS)).toEqual([]);
    expect([...(held.get(HOST)?.values() ?? [])].filter(({ kind }) => kind === "neighbour")).toEqual([]);
  });

  it.each([{ ipv4: "10.8.0.0/30" }, { ipv4: "10.9.0.0/25" }, { ipv4: "fd09::8000/127" }, { ipv4: "10.9.0.1" }])(
    "must be a small part of the subnet: %j isn't",
    (behind) => {
      expect(() => plan(withOther(behind), FACTS)).toThrow(/node n2: ".*" is no range in network net/);
    },
  );
});
