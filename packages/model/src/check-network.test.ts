import { describe, expect, it } from "vitest";
import type { NetworkSpec, SubnetSpec } from "./network.ts";
import { validateAddressPool, validateNetworkSpec } from "./validation.ts";

const spec = (more: Partial<NetworkSpec> = {}): NetworkSpec => ({
  name: "front",
  labels: {},
  attachable: false,
  internal: false,
  ...more,
});
const kept = (auxiliary: Readonly<Record<string, string>>): NetworkSpec =>
  spec({ subnets: [{ subnet: "10.1.0.0/24", auxiliary }] });
const withSubnet = (subnet: SubnetSpec): NetworkSpec => spec({ ipv6: true, subnets: [subnet] });

describe("a network spec", () => {
  it.each<[string, NetworkSpec]>([
    ["without a subnet", spec()],
    ["with both families", spec({ ipv6: true, subnets: [{ subnet: "10.1.0.0/16" }, { subnet: "fd00:1::/64" }] })],
    ["with a gateway", withSubnet({ subnet: "10.1.0.0/16", gateway: "10.1.0.1" })],
    ["with a range", withSubnet({ subnet: "10.1.0.0/16", gateway: "10.1.0.1", range: "10.1.2.0/24" })],
    [
      "with addresses that nobody gets",
      withSubnet({ subnet: "10.1.0.0/24", auxiliary: { a: "10.1.0.2", b: "10.1.0.191" } }),
    ],
    ["with options of IPAM", spec({ ipamOptions: { a: "b", "com.docker.network.ipam.serial": "true" } })],
    ["with the smallest subnet", withSubnet({ subnet: "10.1.0.0/28" })],
    ["with the largest subnet", withSubnet({ subnet: "10.0.0.0/8" })],
    ["with a small subnet of IPv6", withSubnet({ subnet: "fd00::/120" })],
    ["with a small MTU", spec({ mtu: 1_230 })],
    ["of each node's own", spec({ internal: true, local: { driver: "macvlan", configFrom: "lan-conf" } })],
    ["of each node's own, for containers, too", spec({ attachable: true, local: { driver: "bridge" } })],
  ])("%s is right", (_, given) => expect(validateNetworkSpec(given)).toEqual([]));

  it.each<[string, NetworkSpec, string]>([
    [
      "a subnet of each node's own",
      spec({ subnets: [{ subnet: "10.1.0.0/16" }], local: { driver: "macvlan" } }),
      "subnets: must be left out with driver macvlan: it is each node's own; make a --config-only network",
    ],
    [
      "an ingress network of each node's own",
      spec({ ingress: true, local: { driver: "bridge" } }),
      "ingress: must be false",
    ],
    ["no subnet", withSubnet({ subnet: "10.1.0.0" }), "subnets[0].subnet: must be ADDRESS/LENGTH"],
    ["no address", withSubnet({ subnet: "10.1.0.256/24" }), "subnets[0].subnet: must be ADDRESS/LENGTH"],
    ["host bits", withSubnet({ subnet: "10.1.2.3/16" }), "beyond its length: use 10.1.0.0/16"],
    ["host bits of IPv6", withSubnet({ subnet: "fd00::1/64" }), "use fd00::/64"],
    ["too large", withSubnet({ subnet: "10.0.0.0/7" }), "must have a length from 8 to 28, not 7"],
    ["too small", withSubnet({ subnet: "10.1.0.0/29" }), "must have a length from 8 to 28, not 29"],
    ["too small for IPv6", withSubnet({ subnet: "fd00::/121" }), "must have a length from 48 to 120, not 121"],
    ["loopback", withSubnet({ subnet: "127.0.0.0/8" }), "without 127.0.0.0/8"],
    ["multicast", withSubnet({ subnet: "239.1.0.0/16" }), "without 224.0.0.0/3"],
    ["link-local", withSubnet({ subnet: "fe80::/64" }), "without fe80::/10"],
    ["a gateway outside", withSubnet({ subnet: "10.1.0.0/16", gateway: "10.2.0.1" }), "must lie within 10.1.0.0/16"],
    ["a gateway of another family", withSubnet({ subnet: "10.1.0.0/16", gateway: "fd00::1" }), "subnets[0].gateway"],
    ["the first address as gateway", withSubnet({ subnet: "10.1.0.0/16", gateway: "10.1.0.0" }), "[0].gateway"],
    ["a node's gateway", withSubnet({ subnet: "10.1.0.0/24", gateway: "10.1.0.254" }), "below 10.1.0.192: the last 64"],
    ["a range outside", withSubnet({ subnet: "10.1.0.0/16", range: "10.2.0.0/24" }), "[0].range: must lie within"],
    ["a range that is larger", withSubnet({ subnet: "10.1.0.0/16", range: "10.0.0.0/8" }), "[0].range: must lie"],
    ["a range of another family", withSubnet({ subnet: "10.1.0.0/16", range: "fd00::/64" }), "[0].range: must lie"],
    ["an address kept outside", kept({ a: "10.2.0.2" }), "subnets[0].auxiliary.a: must lie within 10.1.0.0/24"],
    ["an address kept of nodes", kept({ a: "10.1.0.192" }), "below 10.1.0.192, where the nodes' own begin"],
    ["the first address kept", kept({ a: "10.1.0.0" }), "subnets[0].auxiliary.a: must lie within 10.1.0.0/24, above"],
    ["an address kept of another family", kept({ a: "fd00::2" }), "subnets[0].auxiliary.a: must lie within"],
    ["the gateway kept", kept({ a: "10.1.0.1" }), "subnets[0].auxiliary.a: must not be 10.1.0.1, the gateway"],
    ["an address kept twice", kept({ a: "10.1.0.2", b: "10.1.0.2" }), "auxiliary.b: must not be 10.1.0.2, which a is"],
    ["no address kept", kept({ a: "here" }), "subnets[0].auxiliary.a: must be an IP address"],
    [
      "too many addresses kept",
      kept(Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`h${String(at)}`, `10.1.0.${String(at + 2)}`]))),
      "subnets[0].auxiliary: must be at most 64 addresses",
    ],
    [
      "addresses in another order",
      spec({ ipamOptions: { "com.docker.network.ipam.serial": "false" } }),
      "ipamOptions.com.docker.network.ipam.serial: must be true",
    ],
    [
      "options of IPAM of each node's own",
      spec({ ipamOptions: { a: "b" }, local: { driver: "macvlan" } }),
      "ipamOptions: must be left out with driver macvlan",
    ],
    ["a range for nodes", withSubnet({ subnet: "10.1.0.0/24", range: "10.1.0.192/26" }), "at least 2 addresses"],
    [
      "two of a family",
      spec({ subnets: [{ subnet: "10.1.0.0/16" }, { subnet: "10.2.0.0/16" }] }),
      "subnets[1].subnet: must not be a second one of IPv4",
    ],
    ["IPv6 that isn't wanted", spec({ subnets: [{ subnet: "fd00::/64" }] }), "must be of IPv4 unless ipv6 is true"],
    ["an MTU too small for IPv6", spec({ ipv6: true, mtu: 1_279 }), "mtu: must be at least 1280 with IPv6"],
    [
      "too few addresses for containers connected by hand",
      spec({ attachable: true, subnets: [{ subnet: "10.1.0.0/28" }] }),
      "subnets[0].subnet: must have at least 32 addresses in an attachable network",
    ],
    [
      "tasks where those are",
      spec({ attachable: true, subnets: [{ subnet: "10.1.0.0/24", range: "10.1.0.128/26" }] }),
      "subnets[0].range: must have at least 2 addresses below 10.1.0.128",
    ],
    [
      "a gateway where those are",
      spec({ attachable: true, subnets: [{ subnet: "10.1.0.0/24", gateway: "10.1.0.129" }] }),
      "subnets[0].gateway: must be below 10.1.0.128",
    ],
    ["an MTU too large", spec({ mtu: 65_500 }), "mtu: must be a whole number from 576 to 65465"],
  ])("with %s is refused", (_, given, problem) => {
    const problems = validateNetworkSpec(given);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});

describe("an address pool", () => {
  it.each([
    ["10.64.0.0/10", 20],
    ["10.1.0.0/16", 16],
    ["192.168.0.0/16", 28],
  ])("%s cut into /%i is right", (subnet, subnetLength) =>
    expect(validateAddressPool({ subnet, subnetLength })).toEqual([]),
  );

  it.each([
    ["10.64.0.1/10", 20, "use 10.64.0.0/10"],
    ["10.1.0.0/16", 15, "subnetLength: must be from 16"],
    ["10.1.0.0/16", 29, "subnetLength: must be a whole number from 8 to 28"],
    ["fd00::/48", 28, "must be of IPv4"],
    ["pool", 20, "must be ADDRESS/LENGTH"],
  ])("%s cut into /%i is refused", (subnet, subnetLength, problem) => {
    const problems = validateAddressPool({ subnet, subnetLength });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});
