import * as fc from "fast-check";
import { expect, it } from "vitest";
import { FairShare } from "./fair-share.ts";

it("gives one client half, and always leaves room for a new one", () => {
  const share = new FairShare(100);
  const taken = (client: string): number => {
    let count = 0;
    while (share.take(client)) count += 1;
    return count;
  };
  expect(taken("a")).toBe(50);
  expect(taken("b")).toBe(25);
  expect(taken("c")).toBe(13);
  share.give("a");
  expect(share.take("b")).toBe(false);
  expect(share.take("c")).toBe(false);
  expect(share.take("d")).toBe(true);
});

it("never gives more places than there are, and gets all of them back", () => {
  const clients = fc.constantFrom("a", "b", "c", "d");
  fc.assert(
    fc.property(fc.nat(20), fc.array(fc.tuple(clients, fc.boolean())), (places, steps) => {
      const share = new FairShare(places);
      const held: string[] = [];
      for (const [client, wants] of steps) {
        const at = held.indexOf(client);
        if (wants && share.take(client)) held.push(client);
        else if (!wants && at >= 0) share.give(...(held.splice(at, 1) as [string]));
        expect(held.length).toBeLessThanOrEqual(places);
        if (places > 0 && held.length === 0) expect(share.take("new")).toBe(true);
        if (places > 0 && held.length === 0) share.give("new");
      }
      for (const client of held) share.give(client);
      let free = 0;
      for (let index = 0; share.take(`client-${String(index)}`); index += 1) free += 1;
      expect(free).toBe(places);
    }),
  );
});
