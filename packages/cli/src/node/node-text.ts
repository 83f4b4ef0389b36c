import type { Node } from "@murmur/api";
import { genericText } from "../format/generic-text.ts";
import { humanSize } from "../format/human-size.ts";
import { capitalized } from "../format/words.ts";

type Line = readonly [depth: number, name: string, value?: string];

/** A node for people, laid out as by `docker node inspect --pretty`. */
export function nodeText(node: Node): string {
  const { Spec, Description, Status, ManagerStatus, Murmur } = node;
  const generic = Description.Resources?.GenericResources ?? [];
  const labels = Object.entries(Spec.Labels ?? {}).map(([key, value]): Line => [1, `- ${key}=${value}`]);
  const lines: Line[] = [
    [0, "ID", node.ID],
    ...(Spec.Name === undefined || Spec.Name === "" ? [] : [[0, "Name", Spec.Name] as const]),
    ...(labels.length === 0 ? [] : [[0, "Labels", ""] as const, ...labels]),
    [0, "Hostname", Description.Hostname ?? ""],
    [0, "Joined at", node.CreatedAt],
    [0, "Status", ""],
    [1, "State", capitalized(Status.State)],
    ...(Status.Message === undefined || Status.Message === "" ? [] : [[1, "Message", Status.Message] as const]),
    [1, "Availability", capitalized(Spec.Availability)],
    ...(Murmur.DrainUntil === undefined ? [] : [[1, "Drained Until", Murmur.DrainUntil] as const]),
    [1, "Address", Status.Addr],
    ...(ManagerStatus === undefined ? [] : managerLines(node)),
    [0, "Platform", ""],
    [1, "Operating System", Description.Platform?.OS ?? ""],
    [1, "Architecture", Description.Platform?.Architecture ?? ""],
    [0, "Resources", ""],
    [1, "CPUs", String((Description.Resources?.NanoCPUs ?? 0) / 1e9)],
    [1, "Memory", humanSize(Description.Resources?.MemoryBytes ?? 0)],
    ...(generic.length > 0 ? [[1, "Generic", genericText(generic)] as const] : []),
    ...permitLines(node),
    [0, "Engine", ""],
    [1, "Engine State", engineState(node)],
    [1, "Engine Version", Description.Engine?.EngineVersion ?? ""],
    [0, "Murmur Version", Murmur.Version ?? ""],
    [0, "Data Plane", Murmur.DataPlane ?? ""],
  ];
  return lines.map(formatLine).join("\n");
}

function managerLines({ ManagerStatus, Murmur }: Node): Line[] {
  return [
    [0, "Manager Status", ""],
    [1, "Address", ManagerStatus?.Addr ?? ""],
    [1, "Raft Status", capitalized(ManagerStatus?.Reachability ?? "")],
    [1, "Raft Role", capitalized(Murmur.RaftRole)],
    [1, "Leader", ManagerStatus?.Leader === true ? "Yes" : "No"],
  ];
}

/** What its daemon was told to permit (`--allow-privileged`, `--allow-device`). */
function permitLines({ Murmur: { Permits } }: Node): Line[] {
  if (Permits === undefined) return [];
  const { Privileged, Devices = [] } = Permits;
  return [
    [0, "Permits", ""],
    ...(Privileged === true ? [[1, "Privileged", "Yes"] as const] : []),
    ...(Devices.length > 0 ? [[1, "Devices", Devices.join(", ")] as const] : []),
  ];
}

const engineState = ({ Murmur }: Node): string =>
  Murmur.EngineState === "ready" ? "Ready" : `Down: ${Murmur.EngineMessage}`;

function formatLine([depth, name, value]: Line): string {
  const indent = " ".repeat(depth);
  if (value === undefined) return indent + name;
  return `${indent}${name}:`.padEnd(24).concat(value).trimEnd();
}
