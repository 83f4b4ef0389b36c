import { networkInterfaces } from "node:os";
import { codeOf } from "@murmur/base";
import { afterEach, describe, expect, it, vi } from "vitest";
import { advertiseAddress, isOwnAddress } from "./advertise-address.ts";

vi.mock("node:os", async (original) => ({
  ...(await original<typeof import("node:os")>()),
  networkInterfaces: vi.fn(),
}));

const entry = (address: string, family = "IPv4", internal = false) => ({ address, family, internal });
const machine = (interfaces: Record<string, unknown[]>): void => {
  vi.mocked(networkInterfaces).mockReturnValue({ lo: [entry("127.0.0.1", "IPv4", true)], ...interfaces } as never);
};
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return `${codeOf(error)} ${String(error)}`;
  }
  return "";
};
const ANY = { host: "0.0.0.0", port: 7373 };

describe("the address that others are told", () => {
  afterEach(() => vi.mocked(networkInterfaces).mockReset());

  it("is the one that the user gave, with the listening port unless it has its own", () => {
    machine({ eth0: [entry("10.0.0.5")] });
    expect(advertiseAddress("1.2.3.4", ANY)).toBe("1.2.3.4:7373");
    expect(advertiseAddress("1.2.3.4:99", ANY)).toBe("1.2.3.4:99");
    expect(advertiseAddress("eth0", ANY)).toBe("10.0.0.5:7373");
    expect(advertiseAddress("fd00::1", ANY)).toBe("[fd00::1]:7373");
  });

  it("is else the one that it listens on, or the machine's only one", () => {
    machine({
      eth0: [entry("10.0.0.5"), entry("fe80::1", "IPv6")],
      docker0: [entry("172.17.0.1")],
      mmdf8woxkv61sp: [entry("10.20.0.1")],
    });
    expect(advertiseAddress(undefined, { host: "10.0.0.7", port: 1 })).toBe("10.0.0.7:1");
    expect(advertiseAddress(undefined, ANY)).toBe("10.0.0.5:7373");
    expect(advertiseAddress("", ANY)).toBe("10.0.0.5:7373");
  });

  it("must be chosen when there are several, or none, and must be one", () => {
    machine({ eth0: [entry("10.0.0.5")], eth1: [entry("10.1.0.5")] });
    expect(refusal(() => advertiseAddress(undefined, ANY))).toMatch(
      /invalid_argument.*--advertise-addr: 10\.0\.0\.5 \(eth0\), 10\.1\.0\.5 \(eth1\)/,
    );
    expect(refusal(() => advertiseAddress("eth9", ANY))).toMatch(/neither an IP address nor an interface/);
    expect(refusal(() => advertiseAddress("0.0.0.0", ANY))).toMatch(/non-zero IP address, one that reaches this node/);
    machine({});
    expect(refusal(() => advertiseAddress(undefined, ANY))).toMatch(/no network address/);
  });

  it("is known to be this machine's, in whatever way it is written", () => {
    machine({ eth0: [entry("10.0.0.5"), entry("fd00::1", "IPv6")] });
    for (const address of ["10.0.0.5:7373", "127.0.0.9:1", "[fd00:0:0::1]:7373", "host5.example.com:7373"])
      expect(isOwnAddress(address), address).toBe(true);
    for (const address of ["10.0.0.6:7373", "[fd00::2]:7373"]) expect(isOwnAddress(address), address).toBe(false);
  });
});
