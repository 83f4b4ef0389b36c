import { describe, expect, it } from "vitest";
import type { Commands } from "../overlay/kernel/commands.ts";
import { machineSubnets } from "./host-subnets.ts";

const link = (
  ifname: string,
  ...addresses: readonly (readonly [local: string, prefixlen: number, scope?: string])[]
) => ({
  ifname,
  addr_info: addresses.map(([local, prefixlen, scope = "global"]) => ({ local, prefixlen, scope })),
});

/** A machine that prints this. */
const machine = (address: unknown, ipv4: unknown = [], ipv6: unknown = []): Commands => ({
  run: async ({ argv }) => {
    const printed = argv.includes("address") ? address : argv.includes("-4") ? ipv4 : ipv6;
    return { status: 0, output: JSON.stringify(printed), errors: "" };
  },
});

describe("a host's subnets", () => {
  it("are those of its addresses, without our own and those of every host", async () => {
    const links = [
      link("lo", ["127.0.0.1", 8, "host"]),
      link("eth0", ["10.0.3.7", 24], ["fd00::7", 64], ["fe80::1", 64, "link"]),
      link("docker0", ["172.17.0.1", 16]),
      link("mm0123456789ab", ["10.64.0.1", 20]),
    ];
    expect(await machineSubnets(machine(links))).toEqual(["10.0.3.0/24", "172.17.0.0/16", "fd00::/64"]);
  });

  it("are those that it has a route to, but not everything, nothing, or our own", async () => {
    const ipv4 = [
      { dst: "default", gateway: "10.0.3.1", dev: "eth0" },
      { dst: "0.0.0.0/1", gateway: "10.8.0.1", dev: "tun0" },
      { dst: "10.96.0.0/12", gateway: "10.8.0.1", dev: "tun0" },
      { dst: "10.1.2.3", gateway: "10.0.3.1", dev: "eth0" },
      { dst: "10.64.0.0/20", dev: "mm0123456789ab", scope: "link" },
      { type: "unreachable", dst: "10.77.0.0/16" },
    ];
    const ipv6 = [
      { dst: "fe80::/64", dev: "eth0" },
      { dst: "fd05::/48", gateway: "fd00::1", dev: "eth0" },
      { dst: "::1", dev: "lo" },
      { dst: "2000::/3", gateway: "fd00::1", dev: "eth0" },
    ];
    expect(await machineSubnets(machine([], ipv4, ipv6))).toEqual(["10.1.2.3/32", "10.96.0.0/12", "fd05::/48"]);
  });

  it("are bounded, and addresses go before routes", async () => {
    const routes = Array.from({ length: 1_000 }, (_, at) => ({
      dst: `10.${String(at >> 8)}.${String(at & 255)}.0/24`,
    }));
    const found = await machineSubnets(machine([link("eth0", ["192.168.1.2", 24])], routes));
    expect(found).toHaveLength(256);
    expect(found).toContain("192.168.1.0/24");
  });
});
