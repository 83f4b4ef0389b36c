import { nodeId } from "@murmur/base";
import type { ReportMessage, SessionMessage } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { localSession } from "./local-session.ts";

const committed = (sequence: number): SessionMessage => ({ kind: "committed", sequence });
const report: ReportMessage = { kind: "resync" };

describe("a session within one node", () => {
  it("carries messages both ways, in order", async () => {
    const { agent, manager } = localSession(nodeId("n1"), 7);
    expect(manager).toMatchObject({ nodeId: "n1", endpoints: 7 });
    await agent.send(report);
    for (const sequence of [1, 2]) await manager.write(committed(sequence));
    agent.close();
    const heard: SessionMessage[] = [];
    for await (const message of agent.messages) heard.push(message);
    expect(heard).toEqual([committed(1), committed(2)]);
    const said: ReportMessage[] = [];
    for await (const message of manager.reports) said.push(message);
    expect(said).toEqual([report]);
  });

  it("makes a writer wait for a slow reader, and go on when there is room", async () => {
    const { agent, manager } = localSession(nodeId("n1"), 7);
    let written = 0;
    const writing = (async () => {
      for (; written < 300; written += 1) await manager.write(committed(written));
    })();
    for (let turn = 0; turn < 2_000; turn += 1) await Promise.resolve();
    expect(written).toBe(256);
    let read = 0;
    for await (const _ of agent.messages) {
      read += 1;
      if (read === 300) break;
    }
    await writing;
    expect(written).toBe(300);
  });

  it("ends readers and writers on both sides when either side closes", async () => {
    for (const side of ["agent", "manager"] as const) {
      const session = localSession(nodeId("n1"), 7);
      const waiting = (async () => {
        for await (const _ of session.agent.messages) expect.unreachable();
      })();
      for (let count = 0; count < 256; count += 1) await session.agent.send(report);
      const blocked = session.agent.send(report);
      session[side].close();
      await waiting;
      await expect(blocked).rejects.toThrow("the session is over");
      await expect(session.manager.write(committed(1))).rejects.toThrow("the session is over");
    }
  });
});
