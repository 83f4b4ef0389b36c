import { codeOf, messageOf } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { askedAgain, readJson } from "./body.ts";

const MEBIBYTE = 1024 * 1024;

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

function request(body: Body, headers: Record<string, string> = {}): Request {
  const all = { "content-type": "application/json", ...headers };
  return new Request("http://x/", { method: "POST", body, headers: all, duplex: "half" });
}

const refusal = (body: Body, headers?: Record<string, string>): Promise<string> =>
  readJson(request(body, headers)).then(
    () => "taken",
    (error: unknown) => `${codeOf(error)}: ${messageOf(error)}`,
  );

function stream(...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

describe("a body", () => {
  it("is read as JSON, with its length announced or not, also when a character is cut in two", async () => {
    const text = '{"name":"grün"}';
    const bytes = Buffer.from(text);
    expect(await readJson(request(text, { "content-length": String(bytes.length) }))).toEqual({ name: "grün" });
    expect(await readJson(request(stream(bytes.subarray(0, 12), bytes.subarray(12))))).toEqual({ name: "grün" });
  });

  it("keeps large counts of forced updates apart, and no others", async () => {
    const read = async (text: string) => readJson(request(text));
    const [first, second] = ["17637813241234567", "17637813241234568"];
    expect(Number(first)).toBe(Number(second));
    const folded = 17_637_813_241_234_567n % 2n ** 53n;
    expect(await read(`{"TaskTemplate":{"ForceUpdate": ${first}}}`)).toEqual({
      TaskTemplate: { ForceUpdate: Number(folded) },
    });
    expect(await read(`{"ForceUpdate":${second}}`)).toEqual({ ForceUpdate: Number(folded) + 1 });
    expect(await read('{"ForceUpdate":18446744073709551615}')).toEqual({ ForceUpdate: 2 ** 53 - 1 });
    expect(await read('{"ForceUpdate":18446744073709551616}')).toEqual({ ForceUpdate: 2 ** 64 });
    const said = { Args: ['{"ForceUpdate":17637813241234567}'] };
    expect(await read(JSON.stringify(said))).toEqual(said);
  });

  it("is refused when it is no JSON, no UTF-8, empty, or of another type", async () => {
    const length = { "content-length": "2" };
    for (const headers of [{}, length]) {
      expect(await refusal("{]", headers)).toBe("invalid_argument: invalid JSON in the body");
      expect(await refusal("  ", headers)).toContain("the body is empty");
      expect(await refusal(new Uint8Array([0xc3, 0x28]), headers)).toContain("the body is not UTF-8");
    }
    expect(await refusal("{}", { "content-type": "text/plain" })).toContain("unsupported Content-Type");
  });

  it("is refused when it is too long, whatever it announced", async () => {
    expect(await refusal("{}", { "content-length": String(MEBIBYTE + 1) })).toContain("longer than 1048576 bytes");
    expect(await refusal(stream(new Uint8Array(MEBIBYTE), new Uint8Array(1)))).toContain("longer than 1048576 bytes");
  });

  it("is refused when it breaks off", async () => {
    const broken = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("reset")) });
    expect(await refusal(broken)).toBe("invalid_argument: the body broke off");
  });
});

describe("a request that somebody else is asked", () => {
  it("has the body that was read of it, whether its length was announced or not", async () => {
    const text = '{"name":"web"}';
    for (const first of [request(text, { "content-length": "14" }), request(stream(Buffer.from(text)))]) {
      await readJson(first);
      const again = askedAgain(first);
      expect([again?.method, again?.url]).toEqual(["POST", "http://x/"]);
      expect(await again?.json()).toEqual({ name: "web" });
    }
  });

  it("is itself where nobody has read its body, and can't be asked again where some of it is gone", async () => {
    const untouched = request("{}");
    expect(askedAgain(untouched)).toBe(untouched);
    const gone = request("{}");
    await gone.text();
    expect(askedAgain(gone)).toBeUndefined();
  });
});
