import { expect, it } from "vitest";
import { isReachedAt, resolversIn } from "./system-resolvers.ts";

it("reads the name servers of a resolv.conf, and nothing else", () => {
  const text = [
    "# nameserver 1.1.1.1",
    "search example.org",
    "nameserver 10.0.0.2",
    "\tnameserver   2001:db8::53  ",
    "nameserver not-an-address",
    "nameserver",
    "nameservers 9.9.9.9",
    "options edns0",
  ].join("\n");
  expect(resolversIn(text)).toEqual(["10.0.0.2", "2001:db8::53"]);
});

it.each([
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "127.0.0.53", false],
  ["0.0.0.0", "127.0.0.53", true],
  ["0.0.0.0", "::1", false],
  ["::", "::1", true],
  ["0.0.0.0", "192.0.2.1", false],
])("a server on %s is asked by asking %s: %s", (own, asked, isSame) => {
  expect(isReachedAt({ host: own, port: 53 }, { host: asked, port: 53 })).toBe(isSame);
  expect(isReachedAt({ host: own, port: 5300 }, { host: asked, port: 53 })).toBe(false);
});
