import type { PortConfig, Service } from "@murmur/api";
import { shortId } from "../format/short-id.ts";
import { publishedText } from "./publish-options.ts";
import { withoutDigest } from "./image-name.ts";

/** The fields of `docker service ls --format json`, as texts. */
export interface ServiceRow {
  readonly ID: string;
  readonly Name: string;
  readonly Mode: string;
  readonly Replicas: string;
  readonly Image: string;
  readonly Ports: string;
}

export function serviceRow(service: Service): ServiceRow {
  const { Spec, Endpoint } = service;
  return {
    ID: service.ID,
    Name: Spec.Name ?? "",
    Mode: modeText(service),
    Replicas: replicasText(service),
    Image: withoutDigest(Spec.TaskTemplate.ContainerSpec.Image),
    Ports: portsText(Endpoint.Ports ?? []),
  };
}

export const shortServiceRow = (row: ServiceRow): ServiceRow => ({ ...row, ID: shortId(row.ID) });

export function modeText({ Spec: { Mode } }: Service): string {
  if (Mode?.Global !== undefined) return "global";
  if (Mode?.ReplicatedJob !== undefined) return "replicated job";
  return Mode?.GlobalJob !== undefined ? "global job" : "replicated";
}

function replicasText({ Spec, ServiceStatus }: Service): string {
  const { RunningTasks = 0, DesiredTasks = 0, CompletedTasks = 0 } = ServiceStatus ?? {};
  const counts = `${String(RunningTasks)}/${String(DesiredTasks)}`;
  if (Spec.Murmur?.Stopped === true) return `${counts} (stopped)`;
  const job = Spec.Mode?.ReplicatedJob;
  if (job !== undefined) return `${counts} (${String(CompletedTasks)}/${String(job.TotalCompletions ?? 1)} completed)`;
  if (Spec.Mode?.GlobalJob !== undefined) {
    return `${counts} (${String(CompletedTasks)}/${String(DesiredTasks + CompletedTasks)} completed)`;
  }
  const most = Spec.TaskTemplate.Placement?.MaxReplicas ?? 0;
  return most > 0 ? `${counts} (max ${String(most)} per node)` : counts;
}

interface Range {
  /** Left out: all. */
  readonly hostIp: string | undefined;
  readonly protocol: string;
  readonly published: number;
  readonly target: number;
  length: number;
}

/** `*:80-82->8080-8082/tcp, 10.0.0.1:53->53/udp`: ports that follow each other are one, as Docker shows them. */
function portsText(ports: readonly PortConfig[]): string {
  const ranges: Range[] = [];
  const sorted = ports
    .filter(({ PublishMode }) => PublishMode !== "host")
    .map(({ Protocol = "tcp", PublishedPort = 0, TargetPort, Murmur }) => ({
      group: `${Protocol} ${Murmur?.HostIP ?? ""}`,
      hostIp: Murmur?.HostIP,
      protocol: Protocol,
      published: PublishedPort,
      target: TargetPort,
    }))
    .sort((a, b) => (a.group === b.group ? a.published - b.published : a.group < b.group ? -1 : 1));
  for (const { hostIp, protocol, published, target } of sorted) {
    const last = ranges.at(-1);
    const follows =
      last?.protocol === protocol &&
      last.hostIp === hostIp &&
      last.published + last.length === published &&
      last.target + last.length === target;
    if (follows) last.length += 1;
    else ranges.push({ hostIp, protocol, published, target, length: 1 });
  }
  const span = (first: number, length: number): string =>
    length === 1 ? String(first) : `${String(first)}-${String(first + length - 1)}`;
  return ranges
    .map(
      ({ hostIp = "*", protocol, published, target, length }) =>
        `${publishedText(span(published, length), hostIp)}->${span(target, length)}/${protocol}`,
    )
    .join(", ");
}
