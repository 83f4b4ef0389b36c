import { describe, expect, it } from "vitest";
import { parseDetachKeys, untilDetached } from "./detach-keys.ts";

async function passed(pieces: readonly string[], keys: string): Promise<readonly [string, boolean]> {
  const input = (async function* () {
    for (const piece of pieces) yield new TextEncoder().encode(piece);
  })();
  const keysRead = untilDetached(input, parseDetachKeys(keys));
  let text = "";
  for (let next = await keysRead.next(); ; next = await keysRead.next()) {
    if (next.done === true) return [text, next.value];
    text += new TextDecoder().decode(next.value);
  }
}

describe("detach keys", () => {
  it.each([
    [["ab", "c"], "abc", false],
    [["a\u0010\u0011b"], "a", true],
    [["a\u0010", "\u0011b"], "a", true],
    [["\u0010x\u0010"], "\u0010x\u0010", false],
    [["\u0010\u0010\u0011"], "\u0010", true],
  ])("%j: what isn't the sequence is passed on", async (pieces, text, detached) => {
    expect(await passed(pieces, "ctrl-p,ctrl-q")).toEqual([text, detached]);
  });

  it("may be others", async () => {
    expect(await passed(["abxy"], "x")).toEqual(["ab", true]);
    expect([...parseDetachKeys("ctrl-@,ctrl-[,a")]).toEqual([0, 27, 97]);
    expect(() => parseDetachKeys("ctrl-")).toThrow("'ctrl-' is no key");
    expect(() => parseDetachKeys("")).toThrow("is no key");
  });
});
