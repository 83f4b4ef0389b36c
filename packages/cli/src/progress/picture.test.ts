import type { ClusterEvent } from "@murmur/api";
import { expect, it } from "vitest";
import { aService, aTask } from "../testing/objects.ts";
import { EMPTY_PICTURE, withEvent } from "./picture.ts";

const web = aService("web");
const task = aTask(web, { slot: 1 });
const put: readonly ClusterEvent[] = [
  { kind: "service", action: "put", version: 1, id: web.ID, object: web },
  { kind: "task", action: "put", version: 1, id: task.ID, object: task },
];
const after = (...events: readonly ClusterEvent[]) => events.reduce(withEvent, EMPTY_PICTURE);

it("is whole from `synced` on", () => {
  expect(after({ kind: "snapshot", version: 1 }, ...put).whole).toBe(false);
  const whole = after({ kind: "snapshot", version: 1 }, ...put, { kind: "synced", version: 1 });
  expect(whole).toMatchObject({ whole: true, service: web });
  expect([...whole.tasks.keys()]).toEqual([task.ID]);
});

it("follows changes, and forgets all at the next snapshot", () => {
  const whole: readonly ClusterEvent[] = [{ kind: "snapshot", version: 1 }, ...put, { kind: "synced", version: 1 }];
  const removed = after(...whole, { kind: "task", action: "remove", version: 2, id: task.ID });
  expect(removed.tasks.size).toBe(0);
  expect(after(...whole, { kind: "service", action: "remove", version: 3, id: web.ID }).service).toBeUndefined();
  expect(after(...whole, { kind: "snapshot", version: 4 })).toEqual(EMPTY_PICTURE);
});
