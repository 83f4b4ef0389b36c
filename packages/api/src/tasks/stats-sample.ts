import type { TaskSample } from "../murmur-types.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What an engine's answer to `/containers/ID/stats` says; undefined for one of a container that doesn't run. */
export function sampleOf(task: string, body: unknown): TaskSample | undefined {
  const stats = fieldsOf(body);
  const cpu = fieldsOf(stats["cpu_stats"]);
  const memory = fieldsOf(stats["memory_stats"]);
  const used = numberOf(memory["usage"]);
  const systemNanos = numberOf(cpu["system_cpu_usage"]);
  if (systemNanos === 0 || typeof stats["read"] !== "string") return undefined;
  const detail = fieldsOf(memory["stats"]);
  // The first is cgroup v1's name of it, the second v2's.
  const idle = numberOf(detail["total_inactive_file"] ?? detail["inactive_file"]);
  const usage = fieldsOf(cpu["cpu_usage"]);
  const perCpu = usage["percpu_usage"];
  const networks = Object.values(fieldsOf(stats["networks"])).map(fieldsOf);
  const sum = (name: string): number => networks.reduce((total, network) => total + numberOf(network[name]), 0);
  const blocks = fieldsOf(stats["blkio_stats"])["io_service_bytes_recursive"];
  const moved = (operation: string): number =>
    (Array.isArray(blocks) ? blocks : [])
      .map(fieldsOf)
      .filter(({ op }) => typeof op === "string" && op.toLowerCase() === operation)
      .reduce((total, { value }) => total + numberOf(value), 0);
  return {
    task,
    at: stats["read"],
    cpuNanos: numberOf(usage["total_usage"]),
    systemNanos,
    cpus: numberOf(cpu["online_cpus"]) || (Array.isArray(perCpu) ? perCpu.length : 1),
    memoryBytes: idle < used ? used - idle : used,
    memoryLimitBytes: numberOf(memory["limit"]),
    receivedBytes: sum("rx_bytes"),
    sentBytes: sum("tx_bytes"),
    readBytes: moved("read"),
    writtenBytes: moved("write"),
    processes: numberOf(fieldsOf(stats["pids_stats"])["current"]),
  };
}

const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const numberOf = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
