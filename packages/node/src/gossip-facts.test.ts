import { ManualClock, nodeId } from "@murmur/base";
import { serviceId, taskId, type EndpointTable } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { GossipFacts, type Avoided } from "./gossip-facts.ts";

const table = (...tasks: string[]): EndpointTable => ({
  version: 1,
  networks: [],
  services: [
    {
      serviceId: serviceId("s"),
      name: "s",
      networks: [],
      published: [],
      endpoints: tasks.map((id) => ({
        taskId: taskId(id),
        slot: 1,
        nodeId: nodeId("n"),
        address: "1.1.1.1",
        ports: [],
      })),
    },
  ],
});

function setup() {
  const clock = new ManualClock();
  const told: Avoided[] = [];
  const facts = new GossipFacts(clock, (avoided) => told.push(avoided));
  return { clock, facts, told, last: () => told.at(-1) };
}

describe("what gossip says must be avoided", () => {
  it("tells of dead nodes, once for each change", () => {
    const { facts, told, last } = setup();
    facts.setDead(nodeId("a"), false);
    facts.setDead(nodeId("a"), true);
    facts.setDead(nodeId("a"), true);
    expect(told).toHaveLength(1);
    expect(last()?.deadNodes).toEqual(new Set(["a"]));
    facts.setDead(nodeId("a"), false);
    expect(last()?.deadNodes.size).toBe(0);
  });

  it("forgets a withdrawal after a while, unless the committed state still has the task", async () => {
    const { facts, last, clock, told } = setup();
    facts.withdraw(taskId("t1"));
    facts.withdraw(taskId("t2"));
    facts.follow(table("t1", "t2"));
    await clock.advance(601_000);
    facts.follow(table("t1", "t2"));
    expect(told).toHaveLength(2);
    facts.follow(table("t2"));
    expect(last()?.withdrawn).toEqual(new Set(["t2"]));
    facts.follow(table());
    expect(last()?.withdrawn).toEqual(new Set());
  });

  it("keeps a task withdrawn that the committed state doesn't have yet", () => {
    const { facts, last, told } = setup();
    facts.withdraw(taskId("t1"));
    facts.follow(table());
    facts.follow(table("t1"));
    expect(told).toHaveLength(1);
    expect(last()?.withdrawn).toEqual(new Set(["t1"]));
  });

  it("keeps a bounded number of withdrawals", () => {
    const { facts, last } = setup();
    for (let count = 0; count < 4_100; count += 1) facts.withdraw(taskId(String(count)));
    expect(last()?.withdrawn.size).toBe(4_096);
    expect(last()?.withdrawn.has(taskId("0"))).toBe(false);
  });
});
