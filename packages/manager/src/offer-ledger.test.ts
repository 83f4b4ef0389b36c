import { describe, expect, it } from "vitest";
import { OfferLedger } from "./offer-ledger.ts";

describe("an offer ledger", () => {
  it("knows what it has taken in this term", () => {
    const ledger = new OfferLedger();
    ledger.startTerm(3);
    ledger.add("a");
    ledger.startTerm(3);
    expect(ledger.has("a")).toBe(true);
    expect(ledger.has("b")).toBe(false);
    ledger.startTerm(4);
    expect(ledger.has("a")).toBe(false);
  });

  it("forgets the oldest beyond its limit", () => {
    const ledger = new OfferLedger();
    for (let count = 0; count <= 65_536; count += 1) ledger.add(String(count));
    expect(ledger.has("0")).toBe(false);
    expect(ledger.has("1")).toBe(true);
    expect(ledger.has("65536")).toBe(true);
  });
});
