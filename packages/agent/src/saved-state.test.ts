import type { TaskStatus } from "@murmur/model";
import { expect, it } from "vitest";
import { decodeSaved, encodeSavedTasks, type SavedTasks } from "./saved-state.ts";
import { sampleTask } from "./testing/sample-task.ts";

it("reads the tasks as they were when they were written last, the changed and the unchanged ones", () => {
  const [one, other] = [sampleTask(1), sampleTask(2)];
  const running: TaskStatus = { ...one.status, state: "running", message: "started" };
  const before: SavedTasks = { tasks: [one, other].map((task) => ({ task, status: task.status })) };
  const after: SavedTasks = {
    tasks: [
      { task: one, status: running },
      { task: other, status: other.status },
    ],
  };
  expect(decodeSaved<SavedTasks>(encodeSavedTasks(before))).toEqual(before);
  expect(decodeSaved<SavedTasks>(encodeSavedTasks(after))).toEqual(after);
  expect(decodeSaved<SavedTasks>(encodeSavedTasks({ tasks: [] }))).toEqual({ tasks: [] });
});
