import { ClusterError, nodeId, SeededRandom, type NodeId } from "@murmur/base";
import type { PeerTransport } from "@murmur/transport";
import { describe, expect, it } from "vitest";
import { ManagerClient } from "./manager-client.ts";

const signal = new AbortController().signal;

function setup(
  answers: Readonly<Record<string, unknown>>,
  { own, gone = [] }: { own?: unknown; gone?: string[] } = {},
) {
  const asked: NodeId[] = [];
  const give = (answer: unknown): Promise<unknown> =>
    answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  const transport = {
    call: (to: NodeId) => {
      asked.push(to);
      return give(answers[to]);
    },
    open: (to: NodeId) => {
      asked.push(to);
      return give(answers[to]);
    },
  } as unknown as PeerTransport;
  const client = new ManagerClient({
    self: nodeId("self"),
    transport,
    managers: () => ["self", ...Object.keys(answers)].map(nodeId),
    isGone: (id) => gone.includes(id),
    answer: () => give(own ?? new ClusterError("unavailable", "no manager here")),
    random: new SeededRandom(3),
  });
  return { client, asked };
}
const failure = (code: "unavailable" | "timeout" | "no_leader" | "forbidden") =>
  new ClusterError(code, `it is ${code}`);

describe("a client of the managers", () => {
  it("asks one after the other until one knows, those that are gone last, and never itself over the network", async () => {
    const { client, asked } = setup(
      { a: "from a", b: failure("unavailable"), c: failure("no_leader"), d: failure("timeout") },
      { gone: ["a"] },
    );
    expect(await client.ask("m", null, { signal })).toBe("from a");
    expect(asked).toHaveLength(4);
    expect(asked.at(-1)).toBe("a");
  });

  it("takes a refusal for an answer", async () => {
    const { client, asked } = setup({ a: failure("forbidden") });
    await expect(client.ask("m", null, { signal })).rejects.toThrow("it is forbidden");
    expect(asked).toEqual(["a"]);
  });

  it("turns to its own manager in the end, and says what was wrong with the others if it has none", async () => {
    const { client } = setup({ a: failure("timeout") }, { own: "own" });
    expect(await client.ask("m", null, { signal })).toBe("own");
    await expect(setup({ a: failure("timeout") }).client.ask("m", null, { signal })).rejects.toThrow("it is timeout");
    await expect(setup({}).client.ask("m", null, { signal })).rejects.toThrow("no manager here");
  });

  it("forwards what can't have been executed to the next manager, and nothing else", async () => {
    const url = "http://murmur/services";
    const get = setup({ a: failure("unavailable"), b: failure("unavailable") });
    await expect(get.client.forward(new Request(url))).rejects.toThrow("it is unavailable");
    expect(get.asked).toHaveLength(2);
    const remove = setup({ a: failure("unavailable"), b: failure("unavailable") });
    await expect(remove.client.forward(new Request(url, { method: "DELETE" }))).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("may have done it"),
    });
    expect(remove.asked).toHaveLength(1);
    await expect(setup({}).client.forward(new Request(url))).rejects.toThrow("no manager is known");
  });
});
