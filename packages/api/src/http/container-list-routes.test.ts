import { beforeEach, describe, expect, it } from "vitest";
import { Asker } from "../testing/asker.ts";

let asker: Asker;
beforeEach(() => {
  asker = new Asker();
  const task = { "com.docker.swarm.task.id": "t" };
  const list = [{ Id: "1" }, { Id: "2", Labels: task }, { Id: "3", Labels: {} }, { Id: "4", Labels: null }];
  asker.engine.answers.set("/v1.41/containers/json", list);
});

const list = async (filters: unknown, more = "") => {
  const query = `?filters=${encodeURIComponent(typeof filters === "string" ? filters : JSON.stringify(filters))}${more}`;
  const { body } = await asker.ask<readonly { readonly Id: string }[]>(`/v1.41/containers/json${query}`);
  const sent = new URL(asker.engine.sent.at(-1)?.path ?? "", "http://engine").searchParams;
  return {
    ids: body.map(({ Id }) => Id),
    filters: sent.get("filters"),
    all: sent.get("all"),
    limit: sent.get("limit"),
  };
};

describe("a list of containers", () => {
  it.each([[["true"]], [["1"]], [{ true: true }]])("of tasks has those with a task's label: %j", async (value) => {
    const asked = { "is-task": value, label: { "tier=front": true }, status: ["exited"] };
    const { filters } = await list(asked, "&limit=3");
    expect(JSON.parse(filters ?? "")).toEqual({
      label: ["tier=front", "com.docker.swarm.task.id"],
      status: ["exited"],
    });
  });

  it("of what is no task has no tasks, and as many as were asked for", async () => {
    const plain = await list({ "is-task": ["false"], name: ["a"] }, "&size=1");
    expect(plain).toEqual({ ids: ["1", "3", "4"], filters: JSON.stringify({ name: ["a"] }), all: null, limit: null });
    const limited = await list({ "is-task": ["0"] }, "&limit=2");
    expect(limited).toMatchObject({ ids: ["1", "3"], all: "1", limit: null });
  });

  it.each([[{ "is-task": ["nope"] }], [{ "is-task": ["true", "false"] }], [{ "is-task": true }], ['{"is-task"']])(
    "is the engine's to refuse: %j",
    async (filters) => {
      const text = typeof filters === "string" ? filters : JSON.stringify(filters);
      expect((await list(filters)).filters).toBe(text);
    },
  );

  it("is Murmur's in a cluster, and outside when it asks for tasks", () => {
    const asks = `?filters=${encodeURIComponent('{"is-task":["true"]}')}`;
    expect(asker.api.owns("GET", "/v1.41/containers/json", asks)).toBe(true);
    expect(asker.api.owns("GET", "/v1.41/containers/json", "?all=1")).toBe(true);
    asker.ports.leave();
    expect(asker.api.owns("GET", "/v1.41/containers/json", asks)).toBe(true);
    expect(asker.api.owns("GET", "/v1.41/containers/json", "?all=1")).toBe(false);
    expect(asker.api.owns("GET", "/v1.41/containers/x/json", asks)).toBe(false);
  });
});
