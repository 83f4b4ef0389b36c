import { networkId, validateNetworkSpec, type Network, type NetworkSpec } from "@murmur/model";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withLengths } from "./attachment.ts";
import { fromNetwork, toNetworkResource, toNetworkSpec } from "./network.ts";
import { wantsClusterNetwork } from "./network-schema.ts";

const spec: NetworkSpec = {
  name: "back",
  labels: { team: "shop" },
  attachable: true,
  internal: true,
  ipv6: true,
  subnets: [
    { subnet: "10.9.0.0/24", gateway: "10.9.0.5", range: "10.9.0.0/25", auxiliary: { printer: "10.9.0.9" } },
    { subnet: "fd00:9::/64" },
  ],
  ipamOptions: { foo: "bar" },
  mtu: 1_400,
};
const network: Network = {
  id: networkId("net1"),
  spec,
  addressing: {
    vni: 4_100,
    ipv4: { subnet: "10.9.0.0/24", gateway: "10.9.0.5", range: "10.9.0.0/25", auxiliary: { printer: "10.9.0.9" } },
    ipv6: { subnet: "fd00:9::/64", gateway: "fd00:9::1" },
  },
  createdAt: 1_700_000_000_000,
  version: 7,
};
/** What `docker network create` sends for the spec. */
const BODY = {
  Name: "back",
  CheckDuplicate: true,
  Driver: "overlay",
  Scope: "",
  EnableIPv6: true,
  IPAM: {
    Driver: "default",
    Options: { foo: "bar" },
    Config: [
      {
        Subnet: "10.9.0.0/24",
        IPRange: "10.9.0.0/25",
        Gateway: "10.9.0.5",
        AuxiliaryAddresses: { printer: "10.9.0.9" },
      },
      { Subnet: "fd00:9::/64", AuxiliaryAddresses: {} },
    ],
  },
  Internal: true,
  Attachable: true,
  Ingress: false,
  ConfigOnly: false,
  ConfigFrom: null,
  Options: { "com.docker.network.driver.mtu": "1400" },
  Labels: { team: "shop" },
};

describe("a network to be made", () => {
  it("is read as docker writes it", () => {
    expect(toNetworkSpec(BODY)).toEqual(spec);
    expect(toNetworkSpec({ Name: "x", Driver: "overlay", IPAM: { Config: [] }, Options: {}, Labels: null })).toEqual({
      name: "x",
      labels: {},
      attachable: false,
      internal: false,
    });
  });

  it.each<readonly [object, string]>([
    [{ Ingress: true, Attachable: true }, "attachable: must be false: ingress network cannot be attachable"],
    [{ Ingress: true, Internal: true }, "internal: must be false for an ingress network"],
    [{ ConfigOnly: true }, "ConfigOnly: configuration network can only contain network specific fields"],
    [{ ConfigFrom: { Network: "x" } }, "ConfigFrom"],
    [{ EnableIPv4: false }, "EnableIPv4: IPv4 cannot be disabled in a Swarm scoped network"],
    [
      { Driver: "weave", Scope: "swarm" },
      "Driver: a network of the cluster has the driver overlay, bridge, ipvlan, macvlan",
    ],
    [{ Driver: "bridge", EnableIPv6: true }, "ipv6: must be left out with driver bridge: it is each node's own"],
    [{ ConfigFrom: { Network: "conf" } }, "ConfigFrom: an overlay network has no settings of one node"],
    [{ Scope: "local" }, "Scope"],
    [{ IPAM: { Driver: "dhcp" } }, "IPAM.Driver: the cluster gives out the addresses itself"],
    [
      { IPAM: { Options: { "com.docker.network.ipam.serial": "false" } } },
      "ipamOptions.com.docker.network.ipam.serial: must be true: addresses are always given one after the other",
    ],
    [{ IPAM: { Config: [{ Gateway: "10.0.0.1" }] } }, "IPAM.Config.0.Subnet: names no subnet"],
    [
      { IPAM: { Config: [{ Subnet: "10.0.0.0/24", AuxiliaryAddresses: { host: "10.0.1.2" } }] } },
      "subnets[0].auxiliary.host: must lie within 10.0.0.0/24",
    ],
    [{ IPAM: { Config: [{ Subnet: "10.0.0.0/24" }, { Subnet: "10.0.1.0/24" }] } }, "a second one of IPv4"],
    [{ Options: { encrypted: "" } }, "Options.encrypted: Murmur doesn't encrypt"],
    [{ Options: { "com.docker.network.driver.overlay.vxlanid_list": "4097" } }, "identifiers itself"],
    [{ Options: { "com.docker.network.driver.mtu": "big" } }, "driver.mtu: must be a number of bytes"],
    [{ Options: { "com.docker.network.bridge.name": "x" } }, "bridge.name: Murmur doesn't know this option"],
    [{ Name: "" }, "invalid name: name"],
    [{ Name: "host" }, "network with name host already exists"],
    [{ Name: "none" }, "operation is not permitted on predefined none network"],
    [{ Unheard: "x" }, "Unheard: Murmur doesn't know this field"],
  ])("with %j is refused in words", (more, says) => {
    expect(() => toNetworkSpec({ Name: "x", Driver: "overlay", ...more })).toThrow(says);
  });

  it("is the cluster's by its driver or its scope, in any case of the names", () => {
    for (const body of [{ Driver: "overlay" }, { driver: "overlay" }, { Driver: "", scope: "swarm" }])
      expect(wantsClusterNetwork(body)).toBe(true);
    for (const body of [
      undefined,
      null,
      "overlay",
      [],
      {},
      { Driver: "bridge" },
      { Driver: "Overlay" },
      { Name: "overlay" },
    ])
      expect(wantsClusterNetwork(body)).toBe(false);
  });
});

describe("a network that there is", () => {
  it("is shown as docker shows it", () => {
    expect(toNetworkResource(fromNetwork(network))).toEqual({
      Name: "back",
      Id: "net1",
      Created: "2023-11-14T22:13:20.000000000Z",
      Scope: "swarm",
      Driver: "overlay",
      EnableIPv6: true,
      IPAM: {
        Driver: "default",
        Options: { foo: "bar", "com.docker.network.ipam.serial": "true" },
        Config: [
          {
            Subnet: "10.9.0.0/24",
            IPRange: "10.9.0.0/25",
            Gateway: "10.9.0.5",
            AuxiliaryAddresses: { printer: "10.9.0.9" },
          },
          { Subnet: "fd00:9::/64", Gateway: "fd00:9::1" },
        ],
      },
      Internal: true,
      Attachable: true,
      Ingress: false,
      ConfigFrom: { Network: "" },
      ConfigOnly: false,
      Containers: null,
      Options: {
        "com.docker.network.driver.overlay.vxlanid_list": "4100",
        "com.docker.network.driver.mtu": "1400",
      },
      Labels: { team: "shop" },
    });
    expect(fromNetwork(network)).toMatchObject({
      Spec: { IPAMOptions: { Configs: [{ Range: "10.9.0.0/25" }, { Subnet: "fd00:9::/64" }] } },
      DriverState: { Name: "overlay" },
      IPAMOptions: { Configs: [{ Gateway: "10.9.0.5" }, { Gateway: "fd00:9::1" }] },
    });
  });

  it("without addresses shows none", () => {
    const { addressing: _none, ...plain } = { ...network, spec: { ...spec, subnets: [], mtu: 1_400 } };
    const { mtu: _mtu, ...bare } = plain.spec;
    const shown = toNetworkResource(fromNetwork({ ...plain, spec: bare }));
    expect(shown).toMatchObject({ IPAM: { Config: [] }, Options: null });
    expect(withLengths({ ipv4: "10.0.0.1" }, plain)).toEqual(["10.0.0.1"]);
  });

  it("gives its addresses their lengths", () => {
    expect(withLengths({ ipv4: "10.9.0.7", ipv6: "fd00:9::7" }, network)).toEqual(["10.9.0.7/24", "fd00:9::7/64"]);
    expect(withLengths({}, network)).toEqual([]);
  });
});

/** Specs of which most are right, and some of every kind are not. */
const specs: fc.Arbitrary<NetworkSpec> = fc
  .record({
    name: fc.stringMatching(/^[a-z][a-z0-9_.-]{0,20}$/),
    labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string({ maxLength: 9 })),
    attachable: fc.boolean(),
    internal: fc.boolean(),
    ipv6: fc.option(fc.constant(true), { nil: undefined }),
    four: fc.option(fc.tuple(fc.nat(255), fc.integer({ min: 20, max: 30 })), { nil: undefined }),
    six: fc.option(fc.nat(0xffff), { nil: undefined }),
    mtu: fc.option(fc.integer({ min: 500, max: 70_000 }), { nil: undefined }),
  })
  .map(({ ipv6, four, six, mtu, ...rest }) => {
    const subnets = [
      ...(four === undefined ? [] : [{ subnet: `10.${String(four[0])}.0.0/${String(four[1])}` }]),
      ...(six === undefined
        ? []
        : [{ subnet: `fd00:${six.toString(16)}::/64`, gateway: `fd00:${six.toString(16)}::1` }]),
    ];
    return {
      ...rest,
      ...(ipv6 && { ipv6 }),
      ...(subnets.length > 0 && { subnets }),
      ...(mtu !== undefined && { mtu }),
    };
  });

const bodyOf = ({
  name,
  labels,
  attachable,
  internal,
  ipv6,
  subnets = [],
  mtu,
}: NetworkSpec): Record<string, unknown> => ({
  Name: name,
  Driver: "overlay",
  Labels: labels,
  Attachable: attachable,
  Internal: internal,
  EnableIPv6: ipv6 ?? false,
  IPAM: {
    Config: subnets.map(({ subnet, gateway = "", range = "" }) => ({
      Subnet: subnet,
      Gateway: gateway,
      IPRange: range,
    })),
  },
  Options: mtu === undefined ? null : { "com.docker.network.driver.mtu": String(mtu) },
});

/** The spec of a body, or undefined when it is refused as it should be. */
function read(body: unknown): NetworkSpec | undefined {
  try {
    return toNetworkSpec(body);
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_argument", message: expect.stringMatching(/^[^\n]+$/) as unknown });
    return undefined;
  }
}

describe("any body", () => {
  it("gives the spec that it was written from, unless the model refuses that", () => {
    fc.assert(
      fc.property(specs, (wanted) => {
        const isRight = validateNetworkSpec(wanted).length === 0;
        expect(read(JSON.parse(JSON.stringify(bodyOf(wanted))))).toEqual(isRight ? wanted : undefined);
      }),
    );
  });

  it("with a field replaced by anything is taken or refused, and what is taken is right", () => {
    const fields = Object.keys(bodyOf(spec));
    fc.assert(
      fc.property(specs, fc.constantFrom(...fields), fc.jsonValue(), (wanted, field, value) => {
        const taken = read({ ...bodyOf(wanted), [field]: value });
        if (taken !== undefined) expect(validateNetworkSpec(taken)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
