import { nodeId, type NodeId } from "@murmur/base";
import type { MemberListener } from "@murmur/agent";
import type { Member } from "@murmur/gossip";
import { taskId } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { withdrawals } from "./withdrawals.ts";

const TASK = taskId("t1");
const SELF = nodeId("a");

const memberOf = (name: string, state: Member["state"]): Member => ({
  id: nodeId(name),
  address: name,
  meta: new Uint8Array(),
  incarnation: 0,
  since: 0,
  state,
});

/** Asks for the acknowledgement of one task, among the nodes that gossip and the records know of. */
function setup({ met, recorded }: { readonly met: readonly Member[]; readonly recorded: readonly string[] }) {
  const members = new Map(met.map((member) => [member.id, member]));
  const listeners = new Set<MemberListener>();
  const asked = new Map<NodeId, PromiseWithResolvers<boolean>>();
  const caller = new AbortController();
  let outcome = "waiting";
  const sent = withdrawals({
    self: SELF,
    facts: { withdraw: () => undefined },
    settled: () => Promise.resolve(),
    book: { all: () => recorded.map((name) => ({ id: nodeId(name), address: name })) },
    gossip: {
      publish: () => undefined,
      member: (id) => members.get(id),
      members: () => [...members.values()],
      onMember: (listener) => (listeners.add(listener), () => void listeners.delete(listener)),
    },
    transport: {
      call: (id) => {
        const answer = Promise.withResolvers<boolean>();
        asked.set(id, answer);
        return answer.promise;
      },
    },
  });
  sent.acknowledged(TASK, { signal: caller.signal }).then(
    () => (outcome = "acknowledged"),
    () => (outcome = "given up"),
  );
  const outcomeNow = async (): Promise<string> => {
    await new Promise((resolve) => setImmediate(resolve));
    return outcome;
  };
  return {
    asked,
    listeners,
    outcomeNow,
    abort: () => caller.abort(),
    meet: (member: Member) => {
      members.set(member.id, member);
      for (const listener of listeners) listener("joined", member);
    },
  };
}

describe("the acknowledgement of a withdrawal", () => {
  it("waits for every node that is alive, and for no other", async () => {
    const met = [memberOf("a", "alive"), memberOf("b", "alive"), memberOf("c", "alive"), memberOf("d", "dead")];
    const { asked, outcomeNow, listeners } = setup({ met, recorded: ["a", "b", "c", "d"] });
    expect([...asked.keys()]).toEqual(["b", "c"]);
    asked.get(nodeId("b"))?.resolve(true);
    expect(await outcomeNow()).toBe("waiting");
    asked.get(nodeId("c"))?.reject(new Error("it has no traffic to send"));
    expect(await outcomeNow()).toBe("acknowledged");
    expect(listeners.size).toBe(0);
  });

  it("asks those who are met while it waits", async () => {
    const { asked, meet, outcomeNow } = setup({ met: [memberOf("b", "alive")], recorded: ["b"] });
    meet(memberOf("c", "alive"));
    asked.get(nodeId("b"))?.resolve(true);
    expect(await outcomeNow()).toBe("waiting");
    asked.get(nodeId("c"))?.resolve(true);
    expect(await outcomeNow()).toBe("acknowledged");
  });

  it("is not given by a node that was just started and has met none of those that it knows", async () => {
    const { asked, meet, outcomeNow } = setup({ met: [memberOf("a", "alive")], recorded: ["a", "b", "c"] });
    expect(await outcomeNow()).toBe("waiting");
    meet(memberOf("c", "alive"));
    asked.get(nodeId("c"))?.resolve(true);
    expect(await outcomeNow()).toBe("acknowledged");
  });

  it("is waited for no longer than the caller does", async () => {
    const { abort, outcomeNow, listeners } = setup({ met: [], recorded: ["b"] });
    abort();
    expect(await outcomeNow()).toBe("given up");
    expect(listeners.size).toBe(0);
  });

  it.each([
    ["nobody else in the cluster", [], ["a"]],
    ["nobody left alive", [memberOf("b", "dead"), memberOf("c", "left")], ["b", "c"]],
  ])("is there at once when there is %s", async (_why, met, recorded) => {
    expect(await setup({ met, recorded }).outcomeNow()).toBe("acknowledged");
  });
});
