import { expect, it } from "vitest";
import { configTarget, secretTarget } from "./payload-file.ts";

const at = (name: string) => ({ name, uid: 0, gid: 0, mode: 0o444 });

it.each([
  ["key", "/run/secrets/key", "/key"],
  ["a/key", "/run/secrets/a/key", "/a/key"],
  ["/etc/key", "/etc/key", "/etc/key"],
  ["../key", "/run/key", "/key"],
  ["../../../../key", "/key", "/key"],
  ["/etc/../srv/./key", "/srv/key", "/srv/key"],
])("a file called %s is found at %s, a config's at %s", (name, secret, config) => {
  expect(secretTarget(at(name))).toBe(secret);
  expect(configTarget(at(name))).toBe(config);
});
