import { describe, expect, it } from "vitest";
import { sampleOf } from "./stats-sample.ts";

const READ = "2026-11-21T22:40:16.122386699Z";
const cpu = { cpu_usage: { total_usage: 500 }, system_cpu_usage: 10_000, online_cpus: 4 };

describe("what an engine says that a container uses", () => {
  it("is read with the names of cgroup v1 and of v2", () => {
    const blocks = [
      { major: 8, minor: 0, op: "Read", value: 10 },
      { major: 8, minor: 0, op: "Write", value: 20 },
      { major: 8, minor: 16, op: "read", value: 5 },
      { major: 8, minor: 0, op: "Total", value: 30 },
    ];
    const body = {
      read: READ,
      pids_stats: { current: 3 },
      cpu_stats: cpu,
      memory_stats: { usage: 1_000, limit: 4_000, stats: { total_inactive_file: 400, inactive_file: 1 } },
      networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 10, tx_bytes: 20 } },
      blkio_stats: { io_service_bytes_recursive: blocks },
    };
    const expected = {
      task: "t1",
      at: READ,
      cpuNanos: 500,
      systemNanos: 10_000,
      cpus: 4,
      memoryBytes: 600,
      memoryLimitBytes: 4_000,
      receivedBytes: 11,
      sentBytes: 22,
      readBytes: 15,
      writtenBytes: 20,
      processes: 3,
    };
    expect(sampleOf("t1", body)).toEqual(expected);
    const v2 = { ...body, memory_stats: { usage: 1_000, limit: 4_000, stats: { inactive_file: 300 } } };
    expect(sampleOf("t1", v2)).toEqual({ ...expected, memoryBytes: 700 });
  });

  it("may lack what isn't counted, and is nothing for a container that has ended", () => {
    expect(
      sampleOf("t1", { read: READ, cpu_stats: cpu, blkio_stats: { io_service_bytes_recursive: null } }),
    ).toMatchObject({
      memoryBytes: 0,
      receivedBytes: 0,
      readBytes: 0,
    });
    expect(sampleOf("t1", { read: READ, cpu_stats: { cpu_usage: { total_usage: 0 } } })).toBeUndefined();
    expect(sampleOf("t1", "nonsense")).toBeUndefined();
  });
});
