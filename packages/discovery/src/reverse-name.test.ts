import * as fc from "fast-check";
import { expect, it } from "vitest";
import { addressType, reverseName } from "./reverse-name.ts";

it.each([
  ["192.0.2.7", "7.2.0.192.in-addr.arpa"],
  ["2001:db8::567:89ab", `b.a.9.8.7.6.5.0.${"0.".repeat(16)}8.b.d.0.1.0.0.2.ip6.arpa`],
  ["::", `${"0.".repeat(32)}ip6.arpa`],
  ["::FFFF:1.2.3.4", `4.0.3.0.2.0.1.0.f.f.f.f.${"0.".repeat(20)}ip6.arpa`],
])("turns %s round", (address, name) => expect(reverseName(address)).toBe(name));

it.each(["", "1.2.3", "1.2.3.256", "1:2", "1::2::3", "12345::", "1:2:3:4:5:6:7:8::", "fe80::1%eth0", "host"])(
  "takes %j for no address",
  (text) => {
    expect(reverseName(text)).toBeUndefined();
    expect(addressType(text)).toBeUndefined();
  },
);

it("gives each address a name of its own, however it is written", () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      // Another implementation's way to write it.
      const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
      expect(reverseName(address)).toMatch(/^([0-9a-f]\.){32}ip6\.arpa$/);
      expect(reverseName(canonical)).toBe(reverseName(address));
      expect(addressType(address)).toBe("AAAA");
    }),
  );
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      expect(addressType(address)).toBe("A");
    }),
  );
});
