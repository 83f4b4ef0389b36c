import { describe, expect, it } from "vitest";
import { courierWorld, OTHER_STATE } from "./testing/courier-world.ts";

/** `npx vitest run packages/manager -u` writes the traces anew; read the difference before committing it. */
const traceOf = (name: string, lines: readonly string[]): Promise<void> =>
  expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(`../golden/${name}.txt`);

describe("a snapshot in chunks goes as written", () => {
  it("when it is broken off, and resumed where the receiver stands", async () => {
    const { station, pass, untilSent, network, trace } = await courierWorld();
    const [a, b] = [await station("a"), await station("b")];
    await a.save(100);
    network.set({ latencyMs: [20, 20] });
    trace.push("# a sends what b lacks, four chunks at a time. The connection breaks in the second window.");
    a.courier.deliver(b.self);
    await untilSent(a, 6);
    network.cut("a:1", "b:1");
    await pass(20_000);
    trace.push("# Raft asks again when it is there again: b says how much it has, and a goes on from there.");
    network.heal("a:1", "b:1");
    a.courier.deliver(b.self);
    await pass(2_000);
    await traceOf("snapshot-resumed", trace);
  });

  it("when a new leader has a newer one, and the old one's is stale", async () => {
    const { station, pass, untilSent, network, trace } = await courierWorld();
    const [a, b, c] = [await station("a"), await station("b"), await station("c")];
    await a.save(100);
    await c.save(120, OTHER_STATE);
    network.set({ latencyMs: [20, 20] });
    trace.push("# a is replaced as leader by c in the middle of its transfer, and does not know it yet.");
    a.courier.deliver(b.self);
    await untilSent(a, 6);
    Object.assign(c.status, { term: 2 });
    Object.assign(b.status, { term: 2, role: "follower" });
    c.courier.deliver(b.self);
    await pass(2_000);
    trace.push("# b has caught up with snapshot 120. An older one is of no use to it: all of it counts as here.");
    await b.courier.install(120);
    Object.assign(a.status, { term: 2 });
    a.courier.deliver(b.self);
    await pass(500);
    await traceOf("snapshot-stale", trace);
  });
});
