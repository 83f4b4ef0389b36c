import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { credentialsKey, formatImageReference, parseImageReference } from "./image-reference.ts";

const SHA = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("an image's name", () => {
  it.each([
    ["nginx", { registry: "docker.io", path: "library/nginx" }, "nginx"],
    ["nginx:1.27", { registry: "docker.io", path: "library/nginx", tag: "1.27" }, "nginx:1.27"],
    ["docker.io/library/nginx", { registry: "docker.io", path: "library/nginx" }, "nginx"],
    ["docker.io/nginx", { registry: "docker.io", path: "library/nginx" }, "nginx"],
    ["index.docker.io/team/app:1", { registry: "docker.io", path: "team/app", tag: "1" }, "team/app:1"],
    ["docker.io/a.b/c", { registry: "docker.io", path: "a.b/c" }, "docker.io/a.b/c"],
    ["library/a/b", { registry: "docker.io", path: "library/a/b" }, "library/a/b"],
    ["localhost/app", { registry: "localhost", path: "app" }, "localhost/app"],
    ["localhost:5000/app", { registry: "localhost:5000", path: "app" }, "localhost:5000/app"],
    ["[fd00::1]:5000/a/b__c", { registry: "[fd00::1]:5000", path: "a/b__c" }, "[fd00::1]:5000/a/b__c"],
    ["HOST/app", { registry: "HOST", path: "app" }, "HOST/app"],
    ["10.0.0.1/app:v1.0-rc_1", { registry: "10.0.0.1", path: "app", tag: "v1.0-rc_1" }, "10.0.0.1/app:v1.0-rc_1"],
    [
      `r.example:443/t/a:2@${SHA}`,
      { registry: "r.example:443", path: "t/a", tag: "2", digest: SHA },
      `r.example:443/t/a:2@${SHA}`,
    ],
    [`nginx@${SHA}`, { registry: "docker.io", path: "library/nginx", digest: SHA }, `nginx@${SHA}`],
    // How an image's own id reads.
    [SHA, { registry: "docker.io", path: "library/sha256", tag: SHA.slice(7) }, SHA],
  ])("%s is read, and shown as Docker shows it", (text, parsed, shown) => {
    expect(parseImageReference(text)).toEqual(parsed);
    expect(formatImageReference(parsed)).toBe(shown);
  });

  it.each([
    "",
    ":1",
    "/app",
    "app/",
    "a//b",
    "App",
    "team/App",
    "-app",
    "app-",
    "a.-b",
    "a___b",
    "app:",
    "app:.1",
    `app:${"1".repeat(129)}`,
    "app@",
    "app@sha256:12",
    `app@${SHA.toUpperCase()}`,
    `app@${SHA}@${SHA}`,
    "http://host/app",
    "host:port/app",
    "ho_st.de/app",
    "a b",
    "ä",
    "a".repeat(256),
    "0123456789abcdef".repeat(4),
  ])("%j is none", (text) => {
    expect(parseImageReference(text)).toBeUndefined();
  });

  it.each(["docker.io/a.b/nginx", "docker.io/localhost/nginx"])("keeps the registry of %s", (name) => {
    const reference = parseImageReference(name);
    expect(reference?.registry).toBe("docker.io");
    expect(reference && formatImageReference(reference)).toBe(name);
  });

  it("is the same after it was shown and read again", () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,5}([._-]|__)?[a-z0-9]{1,3}$/);
    const reference = fc.record(
      {
        registry: fc.constantFrom("docker.io", "localhost", "localhost:5000", "r.example", "[::1]:80", "UPPER"),
        path: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
        tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}$/),
        digest: fc.constantFrom(SHA, `sha512:${"a".repeat(128)}`),
      },
      { requiredKeys: ["registry", "path"] },
    );
    fc.assert(
      fc.property(reference, (made) => {
        const isBare = made.registry === "docker.io" && !made.path.includes("/");
        const full = isBare ? { ...made, path: `library/${made.path}` } : made;
        expect(parseImageReference(formatImageReference(full))).toEqual(full);
      }),
    );
  });

  it("is read or refused, whatever it is, and what is read is stable", () => {
    const pieces = fc.array(fc.constantFrom("a", "A", "/", ":", "@", ".", "-", "_", "1", "[", "]", SHA, "docker.io"));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((all) => all.join("")),
        ),
        (text) => {
          const parsed = parseImageReference(text);
          if (parsed !== undefined) expect(parseImageReference(formatImageReference(parsed))).toEqual(parsed);
        },
      ),
    );
  });

  it("says whose credentials it needs", () => {
    const keyOf = (text: string): string => credentialsKey(parseImageReference(text) ?? { registry: "", path: "" });
    expect(keyOf("nginx")).toBe("https://index.docker.io/v1/");
    expect(keyOf("localhost:5000/app:1")).toBe("localhost:5000");
  });
});
