import { nodeId, SeededRandom } from "@murmur/base";
import { expect, it } from "vitest";
import { membershipOf, newHardState, Raft, type Message } from "./index.ts";

it("elects a leader and commits", () => {
  const ids = ["a", "b", "c"].map(nodeId);
  const cores = new Map(
    ids.map((id, at) => [
      id,
      new Raft({
        id,
        membership: membershipOf(ids),
        hardState: newHardState(),
        snapshot: { index: 0, term: 0 },
        entries: [],
        appliedIndex: 0,
        random: new SeededRandom(at),
      }),
    ]),
  );
  const run = (): void => {
    for (let busy = true; busy;) {
      busy = false;
      for (const core of cores.values()) {
        for (let ready = core.ready(); ready !== undefined; ready = core.ready()) {
          busy = true;
          core.persisted(ready.number);
          for (const m of [...ready.messages, ...ready.messagesAfterSync]) cores.get((m satisfies Message).to)?.step(m);
          const last = ready.committed.at(-1);
          if (last) core.applied(last.index);
        }
      }
    }
  };
  const a = cores.get(ids[0]!)!;
  a.campaign();
  run();
  expect(a.status().role).toBe("leader");
  expect(a.propose([new Uint8Array(3)]).kind).toBe("accepted");
  a.readIndex(7);
  run();
  for (const core of cores.values()) expect(core.status()).toMatchObject({ commit: 2, applied: 2 });
});
