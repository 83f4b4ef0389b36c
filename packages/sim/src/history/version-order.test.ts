import { describe, expect, it } from "vitest";
import { checkServices, serviceEvidence } from "./check-api.ts";
import { HistoryRecorder } from "./history.ts";
import type { ServiceInput, ServiceOutput, ShownService } from "./service-model.ts";
import { checkVersionOrder } from "./version-order.ts";

const recorder = () => new HistoryRecorder<ServiceInput, ServiceOutput>({ limit: 100, now: () => 0 });
const create = (name: string): ServiceInput => ({ kind: "create", name, id: `id-${name}`, spec: "first" });
const shown = (name: string, version: number): ShownService => ({ name, id: `id-${name}`, spec: "first", version });

describe("the order of versions", () => {
  it("gives each index to one write", () => {
    const history = recorder();
    const [one, other] = [history.call("a", create("one")), history.call("b", create("other"))];
    one.returned({ kind: "done", version: 5 });
    other.returned({ kind: "done", version: 5 });
    const verdict = checkServices(history.history());
    expect(verdict).toMatchObject({ kind: "violation" });
    expect(verdict).toHaveProperty(
      "explanation",
      expect.stringContaining("#1 of b: version 5 was given to operation #0"),
    );
  });

  it("rises from what was told before a call to what the call is given, over different objects", () => {
    const history = recorder();
    history.call("a", create("one")).returned({ kind: "done", version: 5 });
    history.call("a", create("other")).returned({ kind: "done", version: 4 });
    expect(checkServices(history.history())).toMatchObject({ kind: "violation" });
  });

  it("may fall between calls that overlap", () => {
    const history = recorder();
    const [one, other] = [history.call("a", create("one")), history.call("b", create("other"))];
    one.returned({ kind: "done", version: 5 });
    other.returned({ kind: "done", version: 4 });
    expect(checkServices(history.history())).toMatchObject({ kind: "ok" });
  });

  it("forbids what is older than anybody was told, and two specs at one version", () => {
    const read: ServiceInput = { kind: "read", name: "one" };
    const history = recorder();
    const open = history.call("a", create("one"));
    for (const service of [shown("one", 5), shown("one", 4), { ...shown("one", 5), spec: "other" }]) {
      history.call("b", read).returned({ kind: "service", service });
    }
    open.returned({ kind: "done", version: 4 });
    expect(checkVersionOrder(history.history(), serviceEvidence).map(({ message }) => message)).toEqual([
      "#3 of b: id-one at version 5 is other, and first in operation #1",
      "#2 of b: it shows id-one at version 4, but operation #1 had told of version 5 before it was called",
    ]);
  });

  it("is certain also where the search gives up", () => {
    const history = recorder();
    history.call("a", create("one")).returned({ kind: "done", version: 5 });
    history.call("a", create("other")).returned({ kind: "done", version: 4 });
    history.call("a", create("third")).returned({ kind: "done", version: 6 });
    expect(checkServices(history.history().slice(0, 1), { stepsMax: 1 })).toMatchObject({ kind: "undecided" });
    expect(checkServices(history.history(), { stepsMax: 1 })).toMatchObject({ kind: "violation" });
  });

  it("forbids a list of two moments, also where writes overlap", () => {
    const list = (services: readonly ShownService[]) => {
      const history = recorder();
      const [one, other] = [history.call("a", create("one")), history.call("b", create("other"))];
      history.call("c", { kind: "list" }).returned({ kind: "services", services });
      one.returned({ kind: "done", version: 4 });
      other.returned({ kind: "done", version: 5 });
      return checkServices(history.history());
    };
    expect(list([])).toMatchObject({ kind: "ok" });
    expect(list([shown("one", 4)])).toMatchObject({ kind: "ok" });
    expect(list([shown("one", 4), shown("other", 5)])).toMatchObject({ kind: "ok" });
    const torn = list([shown("other", 5)]);
    expect(torn).toHaveProperty("explanation", expect.stringContaining("does not show id-one, which was written at"));
  });

  it("lets what was removed, or may have been, be missing", () => {
    for (const isAnswered of [true, false]) {
      const history = recorder();
      history.call("a", create("one")).returned({ kind: "done", version: 4 });
      const removal = history.call("a", { kind: "remove", name: "one", id: "id-one" });
      history.call("b", create("other")).returned({ kind: "done", version: 9 });
      history.call("c", { kind: "list" }).returned({ kind: "services", services: [shown("other", 9)] });
      if (isAnswered) removal.returned({ kind: "done", version: 6 });
      expect(checkServices(history.history())).toMatchObject({ kind: "ok" });
    }
  });
});
