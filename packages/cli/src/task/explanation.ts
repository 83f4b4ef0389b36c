import type { TaskExplanation } from "@murmur/api";
import { humanDuration } from "../format/human-duration.ts";
import { formatTable } from "../format/table.ts";
import { slotName } from "./slot-name.ts";

/** Why a task stands where it does, for people: a line, and for one that waits for a node a table of what refuses it. */
export function explanationText({ task, why, placement }: TaskExplanation, now: number): string {
  const { Status, DesiredState } = task;
  const since = `${humanDuration(now - Date.parse(Status.Timestamp))} ago`;
  const lines = [
    `${slotName(task)} (${task.ID})`,
    `  ${Status.State} since ${since}, to be ${DesiredState}`,
    `  ${why}`,
  ];
  if (placement === undefined || placement.refusals.length === 0) return lines.join("\n");
  lines.push("", refusalText(placement));
  return lines.join("\n");
}

/** What refuses a task that waits for a node, and which node came closest. */
export function refusalText({ refusals, closest }: NonNullable<TaskExplanation["placement"]>): string {
  const rows = refusals.map(({ filter, nodes, text }) => [filter, String(nodes), text]);
  const table = formatTable(["REFUSED BY", "NODES", "BECAUSE"], rows);
  return closest === undefined ? table : `${table}\nClosest: node ${closest.hostname}: ${closest.lacks.join("; ")}`;
}
