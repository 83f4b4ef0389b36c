import type { Task } from "@murmur/api";
import { humanDuration } from "../format/human-duration.ts";
import { shortId } from "../format/short-id.ts";
import { capitalized, shortened } from "../format/words.ts";
import { withoutDigest } from "../service/image-name.ts";
import { slotName } from "./slot-name.ts";

/** The fields of `docker service ps --format json`, as texts. */
export interface TaskRow {
  readonly ID: string;
  readonly Name: string;
  readonly Image: string;
  readonly Node: string;
  readonly DesiredState: string;
  readonly CurrentState: string;
  readonly Error: string;
  readonly Ports: string;
}

/** As much of an error as Docker's table shows. */
const ERROR_LENGTH = 30;

export interface RowContext {
  readonly now: number;
  /** Host names by node id. */
  readonly hostnames: ReadonlyMap<string, string>;
}

export function taskRow(task: Task, { now, hostnames }: RowContext): TaskRow {
  const { Status } = task;
  const node = task.NodeID ?? "";
  return {
    ID: task.ID,
    Name: slotName(task),
    Image: withoutDigest(task.Spec.ContainerSpec.Image),
    Node: hostnames.get(node) ?? node,
    DesiredState: capitalized(task.DesiredState),
    CurrentState: `${capitalized(Status.State)} ${humanDuration(now - Date.parse(Status.Timestamp)).toLowerCase()} ago`,
    Error: Status.Err ?? "",
    Ports: (Status.PortStatus.Ports ?? [])
      .map((port) => `*:${String(port.PublishedPort)}->${String(port.TargetPort)}/${port.Protocol ?? "tcp"}`)
      .join(","),
  };
}

/** What Docker's table makes of a row: short ids and errors, and earlier tasks of a slot set back under the newest. */
export function shortTaskRow(row: TaskRow, isEarlier: boolean): TaskRow {
  return {
    ...row,
    ID: shortId(row.ID),
    Name: isEarlier ? ` \\_ ${row.Name}` : row.Name,
    Error: row.Error === "" ? "" : `"${shortened(row.Error, ERROR_LENGTH)}"`,
  };
}

/** By service and slot, newest first in each, as Docker sorts them. */
export function compareTasks(a: Task, b: Task): number {
  if (a.Murmur.ServiceName !== b.Murmur.ServiceName) return a.Murmur.ServiceName < b.Murmur.ServiceName ? -1 : 1;
  if (a.ServiceID !== b.ServiceID) return a.ServiceID < b.ServiceID ? -1 : 1;
  const [first, second] = [a.Murmur.Slot, b.Murmur.Slot];
  if (first !== second) return (first ?? 0) - (second ?? 0);
  if (first === undefined && a.NodeID !== b.NodeID) return (a.NodeID ?? "") < (b.NodeID ?? "") ? -1 : 1;
  return Date.parse(b.CreatedAt) - Date.parse(a.CreatedAt) || (a.ID < b.ID ? -1 : 1);
}

/** Whether two tasks stand in the same place of the same service. */
export const isSameSlot = (a: Task, b: Task | undefined): boolean =>
  a.ServiceID === b?.ServiceID &&
  a.Murmur.Slot === b.Murmur.Slot &&
  (a.Murmur.Slot !== undefined || a.NodeID === b.NodeID);
