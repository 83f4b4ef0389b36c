import { nodeId } from "@murmur/base";
import { networkId, taskId } from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkState } from "./check-state.ts";
import type { OverlayNetwork, OverlayState } from "./state.ts";
import { FIXED_STATE } from "./testing/fixed-state.ts";
import { anyState } from "./testing/state-arbitrary.ts";

const network = (change: Partial<OverlayNetwork>): OverlayState => ({
  ...FIXED_STATE,
  networks: FIXED_STATE.networks.map((one) => ({ ...one, ...change })),
});
const [task, far] = FIXED_STATE.tasks;
const [port] = FIXED_STATE.ports;
const [service] = FIXED_STATE.services;
const [net] = FIXED_STATE.networks;
if (!task || !far || !port || !service || !net) throw new Error("the fixed state has one of each");
const [at] = task.attachments;
if (!at) throw new Error("and the task is in a network");

describe("checkState", () => {
  it("takes every state of the generator", () => {
    fc.assert(
      fc.property(anyState, (state) => {
        expect(() => checkState(state)).not.toThrow();
      }),
    );
  });

  const refused: readonly (readonly [string, OverlayState])[] = [
    ['underlay address "x"', { ...FIXED_STATE, underlay: "x" }],
    ["the VNI 0", network({ vni: 0 })],
    ["0 is no UDP port", network({ vxlanPort: 0 })],
    ["the MTU 9.5", network({ mtu: 9.5 })],
    ["no name of a bridge", network({ bridge: "br;flush ruleset" })],
    ["no name of a bridge", network({ bridge: "a-name-of-16-ch." })],
    ["no gateway address for this node", network({ nodes: net.nodes.slice(1) })],
    ['the gateway of network net: "10.8.0.1" is not in 10.9.0.0/24', network({ gateway: { ipv4: "10.8.0.1" } })],
    ['"fd09::1" is not in a subnet of IPv6', { ...FIXED_STATE, networks: [withoutIpv6(net)] }],
    ["the node of network net n2 is there twice", network({ nodes: [...net.nodes, ...net.nodes.slice(1)] })],
    [
      "the VNI 4097 is there twice",
      { ...FIXED_STATE, networks: [net, { ...net, id: networkId("b"), bridge: "b", vxlanPort: 9 }] },
    ],
    [
      "the address net 10.9.0.251 is there twice",
      { ...FIXED_STATE, tasks: [{ ...task, attachments: [{ ...at, ipv4: "10.9.0.251" }] }, far] },
    ],
    ["is no task id", { ...FIXED_STATE, tasks: [{ ...task, id: taskId("a b") }] }],
    ["no MAC address", { ...FIXED_STATE, tasks: [{ ...task, attachments: [{ ...at, mac: "02:42" }] }, far] }],
    ["no path of a network namespace", { ...FIXED_STATE, tasks: [{ ...task, netns: "relative" }, far] }],
    [
      "a port without a proper name",
      { ...FIXED_STATE, tasks: [{ ...task, attachments: [{ ...at, port: "a b" }] }, far] },
    ],
    ["not on this node", { ...FIXED_STATE, tasks: [{ ...task, nodeId: nodeId("n2") }, far] }],
    [
      "in an unknown network",
      { ...FIXED_STATE, tasks: [{ ...task, attachments: [{ ...at, networkId: networkId("b") }] }, far] },
    ],
    ["service web has an unknown task far", { ...FIXED_STATE, tasks: [task] }],
    ["leads to an unknown network b", { ...FIXED_STATE, ports: [{ ...port, networkId: networkId("b") }] }],
    ["ports are within 1 and 65535", { ...FIXED_STATE, ports: [{ ...port, port: 65_536 }] }],
    ['"fe80::1%eth0" is no IP address', { ...FIXED_STATE, ports: [{ ...port, address: "fe80::1%eth0" }] }],
    ['"::ffff:1.2.3.4" is no IP address', { ...FIXED_STATE, ports: [{ ...port, address: "::ffff:1.2.3.4" }] }],
    ["the published port *:53/udp is there twice", { ...FIXED_STATE, ports: [port, port] }],
    ["more than 20000 services", { ...FIXED_STATE, services: Array.from({ length: 20_001 }, () => service) }],
  ];
  it.each(refused)("refuses: %s", (problem, state) => {
    expect(() => checkState(state)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    expect(() => checkState(state)).toThrow(problem);
  });
});

function withoutIpv6(whole: OverlayNetwork): OverlayNetwork {
  const { subnet6, ...rest } = whole;
  return subnet6 === undefined ? whole : rest;
}
