import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRegistryAuth } from "./registry-auth.ts";

const encode = (value: unknown, form: "base64" | "base64url" = "base64"): string =>
  Buffer.from(JSON.stringify(value)).toString(form);
const decode = (text: string | undefined): unknown => JSON.parse(Buffer.from(text ?? "", "base64url").toString("utf8"));

describe("X-Registry-Auth", () => {
  it.each(["base64", "base64url"] as const)("is read in %s, and given on as engines read it", (form) => {
    const login = { username: "me", password: "?>ä~~~", serveraddress: "r.example", email: "" };
    const text = parseRegistryAuth(encode(login, form));
    expect(text).toMatch(/^[A-Za-z0-9_-]+=*$/);
    expect((text?.length ?? 0) % 4).toBe(0);
    const { email: _, ...said } = login;
    expect(decode(text)).toEqual(said);
  });

  it.each([{}, { username: "", password: "" }, { serveraddress: "r.example" }])(
    "of %j says that there is none",
    (said) => {
      expect(parseRegistryAuth(encode(said))).toBe("");
    },
  );

  it("may have more in it, which is passed over: Node's client sends whole services", () => {
    const service = { Name: "web", Labels: { a: "b" }, TaskTemplate: { ContainerSpec: { Image: "x".repeat(20_000) } } };
    expect(parseRegistryAuth(encode(service))).toBe("");
    expect(decode(parseRegistryAuth(encode({ ...service, Username: "me", password: "p" })))).toEqual({
      username: "me",
      password: "p",
    });
  });

  it("is nothing when it is empty", () => expect(parseRegistryAuth("")).toBeUndefined());

  it.each([["hunter2"], [["hunter2"]], [{ password: 5 }], [null]])("of %j is refused without a word of it", (said) => {
    const refused = (): unknown => parseRegistryAuth(encode(said));
    expect(refused).toThrow("X-Registry-Auth is not base64 of a JSON object with a login's texts");
  });

  it("is bounded", () => {
    expect(() => parseRegistryAuth(encode({ password: "x".repeat(9_000) }))).toThrow("is longer than 8192 characters");
  });

  it("is read or refused, whatever it is", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((json) => Buffer.from(json).toString("base64")),
        ),
        (header) => {
          try {
            parseRegistryAuth(header);
          } catch (error) {
            expect(error).toMatchObject({ code: "invalid_argument" });
          }
        },
      ),
    );
  });
});
