import type { StatsAnswer, TaskSample } from "@murmur/api";
import { humanDecimal } from "../format/human-decimal.ts";
import { humanSize } from "../format/human-size.ts";

/** What something uses: counted between two looks, or, of what only grows, since it began. */
export interface Usage {
  /** Of one processor. */
  readonly cpuPercent: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly processes: number;
}

/** A task's usage, and the node that it is on. */
export interface TaskUsage extends Usage {
  readonly task: string;
  readonly node: string;
}

/** What tasks use, from two looks at them; a task that only the later one has seen has used no processor yet. */
export function usageOf(before: StatsAnswer, now: StatsAnswer): readonly TaskUsage[] {
  const earlier = new Map(
    before.nodes.flatMap(({ samples }) => samples.map((sample) => [sample.task, sample] as const)),
  );
  return now.nodes.flatMap(({ hostname, samples }) =>
    samples.map((sample) => ({ ...sample, node: hostname, cpuPercent: cpuPercent(earlier.get(sample.task), sample) })),
  );
}

/** As Docker: the container's share of the processors' time, times the processors. */
function cpuPercent(before: TaskSample | undefined, now: TaskSample): number {
  if (before === undefined) return 0;
  const [used, passed] = [now.cpuNanos - before.cpuNanos, now.systemNanos - before.systemNanos];
  return used <= 0 || passed <= 0 ? 0 : (used / passed) * now.cpus * 100;
}

const NOTHING: Usage = {
  cpuPercent: 0,
  memoryBytes: 0,
  memoryLimitBytes: 0,
  receivedBytes: 0,
  sentBytes: 0,
  readBytes: 0,
  writtenBytes: 0,
  processes: 0,
};

/** All together. */
export function sumOf(usages: readonly Usage[]): Usage {
  return usages.reduce(
    (sum, usage) => ({
      cpuPercent: sum.cpuPercent + usage.cpuPercent,
      memoryBytes: sum.memoryBytes + usage.memoryBytes,
      memoryLimitBytes: sum.memoryLimitBytes + usage.memoryLimitBytes,
      receivedBytes: sum.receivedBytes + usage.receivedBytes,
      sentBytes: sum.sentBytes + usage.sentBytes,
      readBytes: sum.readBytes + usage.readBytes,
      writtenBytes: sum.writtenBytes + usage.writtenBytes,
      processes: sum.processes + usage.processes,
    }),
    NOTHING,
  );
}

/** The fields of `docker stats --format json`. */
export interface UsageRow {
  readonly CPUPerc: string;
  readonly MemUsage: string;
  readonly MemPerc: string;
  readonly NetIO: string;
  readonly BlockIO: string;
  readonly PIDs: string;
}

export function usageRow(usage: Usage): UsageRow {
  const { memoryBytes: used, memoryLimitBytes: limit } = usage;
  return {
    CPUPerc: percent(usage.cpuPercent),
    MemUsage: `${humanSize(used)} / ${humanSize(limit)}`,
    MemPerc: percent(limit === 0 ? 0 : (used / limit) * 100),
    NetIO: `${humanDecimal(usage.receivedBytes)} / ${humanDecimal(usage.sentBytes)}`,
    BlockIO: `${humanDecimal(usage.readBytes)} / ${humanDecimal(usage.writtenBytes)}`,
    PIDs: String(usage.processes),
  };
}

const percent = (value: number): string => `${value.toFixed(2)}%`;
