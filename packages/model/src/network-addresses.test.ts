import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIpAddress, parseIpAddress } from "./ip-address.ts";
import { blockAround, formatIpBlock, holdsAddress, overlaps, type IpBlock } from "./ip-block.ts";
import {
  assignableAddresses,
  assignableIn,
  byHandIn,
  keptAddresses,
  knownBlock,
  nodeGateway,
  nodeShare,
  nodesMax,
} from "./network-addresses.ts";
import type { NetworkAddressing } from "./network.ts";

const block = (family: 4 | 6, lengths: { min: number; max: number }): fc.Arbitrary<IpBlock> =>
  fc
    .tuple(fc.bigInt({ min: 0n, max: (1n << (family === 4 ? 32n : 128n)) - 1n }), fc.integer(lengths))
    .map(([value, length]) => blockAround({ family, value }, length))
    .filter((found) => found !== undefined);
const ipv4 = block(4, { min: 8, max: 28 });
const ipv6 = block(6, { min: 48, max: 120 });

const subnetOf = (subnet: IpBlock) => ({
  subnet: formatIpBlock(subnet),
  gateway: formatIpAddress({ family: subnet.family, value: subnet.first + 1n }),
});
const addressing = (four: IpBlock, six?: IpBlock): NetworkAddressing => ({
  vni: 4_097,
  ipv4: subnetOf(four),
  ...(six && { ipv6: subnetOf(six) }),
});

describe("the addresses of a subnet", () => {
  it("are kept for nodes or given to tasks, never both, and the first and the last of IPv4 never at all", () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), (subnet) => {
        const kept = keptAddresses(subnet);
        const { first, count } = assignableAddresses(subnetOf(subnet));
        expect(count).toBeGreaterThanOrEqual(7);
        expect(first).toBeGreaterThan(subnet.first);
        expect(first + BigInt(count) - 1n).toBeLessThanOrEqual(subnet.last - kept);
        if (subnet.family === 4) expect(BigInt(count)).toBe(subnet.last - subnet.first - kept);
      }),
    );
  });

  it("are those of a range, as far as they aren't kept", () => {
    const subnet = knownBlock("10.1.0.0/24");
    const inRange = (text: string) => assignableIn(subnet, knownBlock(text)).count;
    expect(inRange("10.1.0.0/24")).toBe(191);
    expect(inRange("10.1.0.64/26")).toBe(64);
    expect(inRange("10.1.0.128/25")).toBe(64);
    expect(inRange("10.1.0.192/26")).toBe(0);
  });

  it.each([
    ["10.0.0.0/28", 8n],
    ["10.0.0.0/27", 8n],
    ["10.0.0.0/26", 16n],
    ["10.0.0.0/20", 1_024n],
    ["10.0.0.0/8", 1_024n],
    ["fd00::/64", 1_024n],
  ])("%s: %s of them are kept", (text, kept) => expect(keptAddresses(knownBlock(text))).toBe(kept));
});

describe("a node's gateway", () => {
  it("is counted down from the end of the subnet", () => {
    const network = addressing(knownBlock("10.64.16.0/20"), knownBlock("fd00:1::/64"));
    expect(nodeGateway(network, 1)).toEqual({ ipv4: "10.64.31.254", ipv6: "fd00:1::ffff:ffff:ffff:fffe" });
    expect(nodeGateway(network, 1_023)?.ipv4).toBe("10.64.28.0");
    expect(nodeGateway(network, 1_024)).toBeUndefined();
  });

  it("is there for as many nodes as it says, and no more", () => {
    fc.assert(
      fc.property(ipv4, fc.option(ipv6, { nil: undefined }), (four, six) => {
        const network = addressing(four, six);
        const most = nodesMax(network);
        expect(most).toBeGreaterThanOrEqual(7);
        expect(nodeGateway(network, most)).toBeDefined();
        expect(nodeGateway(network, most + 1)).toBeUndefined();
      }),
    );
  });

  it("is missing when either family has none for the number", () => {
    const network = addressing(knownBlock("10.64.16.0/20"), knownBlock("fd00:1::/120"));
    expect(nodeGateway(network, 63)).toBeDefined();
    expect(nodeGateway(network, 64)).toBeUndefined();
  });

  it("lies in the subnet, is nobody else's, and never one that tasks get", () => {
    fc.assert(
      fc.property(ipv4, ipv6, fc.uniqueArray(fc.integer({ min: 1, max: 1_100 })), (four, six, numbers) => {
        const network = addressing(four, six);
        const found = numbers.flatMap((number) => nodeGateway(network, number) ?? []);
        expect(new Set(found.map((address) => address.ipv4)).size).toBe(found.length);
        expect(new Set(found.map((address) => address.ipv6)).size).toBe(found.length);
        for (const [subnet, text] of found.flatMap((one) => [[four, one.ipv4] as const, [six, one.ipv6] as const])) {
          const address = parseIpAddress(text ?? "");
          expect(address && holdsAddress(subnet, address)).toBe(true);
          const { first, count } = assignableIn(subnet);
          expect(address?.value).toBeGreaterThanOrEqual(first + BigInt(count));
          expect(address?.value).toBeLessThan(subnet.last);
        }
      }),
    );
  });
});

describe("a node's share of an attachable network", () => {
  const attachable = (four: IpBlock, six?: IpBlock): NetworkAddressing => {
    const withHand = (subnet: IpBlock) => {
      const byHand = byHandIn(subnet);
      return { ...subnetOf(subnet), ...(byHand && { byHand: formatIpBlock(byHand) }) };
    };
    return { vni: 4_097, ipv4: withHand(four), ...(six && { ipv6: withHand(six) }) };
  };

  it.each([
    ["10.1.0.0/24", 1, "10.1.0.128/29"],
    ["10.1.0.0/24", 8, "10.1.0.184/29"],
    ["10.1.0.0/24", 9, undefined],
    ["10.64.16.0/20", 1, "10.64.24.0/28"],
    ["10.64.16.0/20", 64, "10.64.27.240/28"],
    ["10.64.16.0/20", 65, undefined],
    ["10.0.0.0/8", 128, "10.128.15.224/27"],
    ["10.0.0.0/8", 129, undefined],
    ["10.0.0.0/27", 1, "10.0.0.16/29"],
    ["10.0.0.0/28", 1, undefined],
  ])("of %s is, for number %i, %s", (subnet, number, share) => {
    expect(nodeShare(attachable(knownBlock(subnet)), number)?.ipv4).toBe(share);
  });

  it("is nobody else's: no other node's, no gateway, no task's", () => {
    const number = fc.integer({ min: 1, max: 130 });
    fc.assert(
      fc.property(block(4, { min: 8, max: 27 }), block(6, { min: 48, max: 120 }), number, number, (four, six, a, b) => {
        const network = attachable(four, six);
        const share = nodeShare(network, a);
        if (share === undefined) return;
        const other = a === b ? undefined : nodeShare(network, b);
        for (const family of ["ipv4", "ipv6"] as const) {
          const own = knownBlock(share[family] ?? "");
          if (other !== undefined) expect(overlaps(own, knownBlock(other[family] ?? ""))).toBe(false);
          const used = network[family] ?? network.ipv4;
          const { first, count } = assignableAddresses(used);
          expect(first + BigInt(count)).toBeLessThanOrEqual(own.first);
          expect(own.last).toBeLessThanOrEqual(knownBlock(used.subnet).last - keptAddresses(knownBlock(used.subnet)));
        }
      }),
    );
  });

  it("is missing in a network that isn't attachable", () => {
    expect(nodeShare(addressing(knownBlock("10.1.0.0/24")), 1)).toBeUndefined();
  });
});
