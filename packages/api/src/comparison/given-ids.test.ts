import { expect, it } from "vitest";
import { GivenIds } from "./given-ids.ts";

const ONE = "vhhgfuaaj5h0s424jslvdfmm9";
const LETTERS = "abcdefghijklmnopqrstuvwxy";

it("are those of objects, also without a digit, and no other words of their form", () => {
  const ids = new GivenIds();
  ids.learn([
    { ID: ONE, NodeID: "n".repeat(25), Name: "m".repeat(25) },
    { Spec: { Id: LETTERS } },
    "w".repeat(25),
    null,
  ]);
  ids.learn("a text");
  expect(ids.replacedIn(`web.1.${ONE}: ${LETTERS}, ${"n".repeat(25)} and ${"m".repeat(25)} ${ONE}x`)).toBe(
    `web.1.<id>: <id>, ${"n".repeat(25)} and ${"m".repeat(25)} ${ONE}x`,
  );
  expect(ids.isNewIn({ Name: `web.1.${ONE}`, of: [LETTERS] })).toBe(false);
  expect(ids.isNewIn({ NodeID: "n".repeat(25) })).toBe(true);
  expect(ids.isNewIn(undefined)).toBe(false);
});
