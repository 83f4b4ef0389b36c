import { DEFAULT_CLUSTER_SPEC, type ClusterSpec } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { MemoryCluster } from "../testing/memory-cluster.ts";
import { clusterOf } from "../http/swarm-routes.ts";
import type { SwarmSpec } from "./swarm-types.ts";
import { fromCluster, toClusterSpec, toInitRequest, toJoinRequest } from "./swarm.ts";

const cluster = clusterOf(new MemoryCluster().store.view);
const shown = fromCluster(cluster);

describe("the translation of the cluster", () => {
  it("keeps its secrets to itself", () => {
    const text = JSON.stringify(shown);
    for (const secret of ["first-secret", "-----KEY-----", "a2V5"]) expect(text).not.toContain(secret);
  });

  it("takes back what it showed, unchanged", () => {
    expect(toClusterSpec(JSON.parse(JSON.stringify(shown.Spec)), DEFAULT_CLUSTER_SPEC)).toEqual(DEFAULT_CLUSTER_SPEC);
    expect(toClusterSpec({}, DEFAULT_CLUSTER_SPEC)).toEqual(DEFAULT_CLUSTER_SPEC);
  });

  it("honours what it can", () => {
    const spec = toClusterSpec(
      {
        Orchestration: { TaskHistoryRetentionLimit: 0 },
        CAConfig: { NodeCertExpiry: 3_600_000_000_000 },
        Murmur: { Voters: 5 },
      },
      DEFAULT_CLUSTER_SPEC,
    );
    expect(spec).toMatchObject({ taskHistoryLimit: 0, nodeCertificateValidityMs: 3_600_000, voters: 5 });
  });

  it("takes durations of more than 104 days, which are no safe integers of nanoseconds", () => {
    const year = 365 * 24 * 3_600_000;
    const spec = toClusterSpec({ CAConfig: { NodeCertExpiry: year * 1e6 } }, DEFAULT_CLUSTER_SPEC);
    expect(spec.nodeCertificateValidityMs).toBe(year);
    expect(() => toClusterSpec({ CAConfig: { NodeCertExpiry: 2 ** 63 } }, DEFAULT_CLUSTER_SPEC)).toThrow("int64");
    expect(() => toClusterSpec({ CAConfig: { NodeCertExpiry: 4e12 + 0.5 } }, DEFAULT_CLUSTER_SPEC)).toThrow("int64");
  });

  it("keeps autolock until it is turned off", () => {
    const on = toClusterSpec({ EncryptionConfig: { AutoLockManagers: true } }, DEFAULT_CLUSTER_SPEC);
    expect(on.autolock).toBe(true);
    expect(toClusterSpec({ Murmur: { Voters: 3 } }, on).autolock).toBe(true);
    expect(toClusterSpec(fromCluster({ ...cluster, spec: on }).Spec, DEFAULT_CLUSTER_SPEC)).toEqual(on);
    expect(toClusterSpec({ EncryptionConfig: { AutoLockManagers: false } }, on)).not.toHaveProperty("autolock");
    expect(toInitRequest({ AutoLockManagers: true }).spec.autolock).toBe(true);
    expect(toInitRequest({ Spec: { EncryptionConfig: { AutoLockManagers: true } } }).spec.autolock).toBe(true);
  });

  it("keeps the policy of rebalancing, with what was said of it before", () => {
    const on = toClusterSpec({ Murmur: { Rebalance: { Policy: "on", MovesAtOnce: 7 } } }, DEFAULT_CLUSTER_SPEC);
    expect(on.rebalance).toEqual({ movesAtOnce: 7, calmMs: 60_000, restMs: 600_000 });
    expect(toClusterSpec({ Murmur: { Voters: 3 } }, on).rebalance).toEqual(on.rebalance);
    expect(toClusterSpec({ Murmur: { Rebalance: { Calm: 5e9 } } }, on).rebalance).toMatchObject({
      movesAtOnce: 7,
      calmMs: 5_000,
    });
    expect(toClusterSpec(fromCluster({ ...cluster, spec: on }).Spec, DEFAULT_CLUSTER_SPEC)).toEqual(on);
    expect(toClusterSpec({ Murmur: { Rebalance: { Policy: "off" } } }, on)).not.toHaveProperty("rebalance");
  });

  it.each([
    [{ Murmur: { Rebalance: { MovesAtOnce: 0 } } }, "rebalance.movesAtOnce"],
    [{ Murmur: { Rebalance: { Policy: "maybe" } } }, "must be on or off"],
    [{ Raft: { ElectionTick: 2, HeartbeatTick: 2 } }, "raft.electionTick: must be greater than heartbeatTick"],
    [{ Raft: { SnapshotInterval: -1 } }, "Raft.SnapshotInterval"],
    [{ CAConfig: { ForceRotate: -1 } }, "CAConfig.ForceRotate"],
    [{ CAConfig: { ExternalCAs: [{ Protocol: "acme", URL: "https://ca" }] } }, "invalid protocol"],
    [{ CAConfig: { ExternalCAs: [{ Protocol: "cfssl", URL: "http://ca" }] } }, "invalid HTTP scheme"],
    [{ EncryptionConfig: { AutoLockManagers: "yes" } }, "EncryptionConfig.AutoLockManagers"],
    [{ Murmur: { Voters: 2 } }, "Murmur.Voters"],
  ])("refuses %j", (body, message) => {
    expect(() => toClusterSpec(body, DEFAULT_CLUSTER_SPEC)).toThrow(message);
  });

  it("keeps and shows what Docker's clients set for Raft and the agents, and no default as if it had been set", () => {
    const show = (spec: ClusterSpec): SwarmSpec => fromCluster({ ...cluster, spec }).Spec;
    expect(toClusterSpec(show(DEFAULT_CLUSTER_SPEC), DEFAULT_CLUSTER_SPEC)).toEqual(DEFAULT_CLUSTER_SPEC);

    const asked = {
      Raft: {
        SnapshotInterval: 5_000,
        KeepOldSnapshots: 2,
        LogEntriesForSlowFollowers: 100,
        ElectionTick: 5,
        HeartbeatTick: 2,
      },
      Dispatcher: { HeartbeatPeriod: 10_000_000_000 },
    };
    const set = toClusterSpec(asked, DEFAULT_CLUSTER_SPEC);
    expect(show(set)).toMatchObject(asked);
    expect(toClusterSpec({ Raft: { SnapshotInterval: 0 } }, set)).toEqual(set);
    expect(toClusterSpec(show(set), set)).toEqual(set);
    expect(show(toClusterSpec({ Raft: { KeepOldSnapshots: 0 } }, set)).Raft?.KeepOldSnapshots).toBe(0);
    const back = toClusterSpec({ Raft: { SnapshotInterval: 10_000 } }, set);
    expect(show(back).Raft).toEqual({ ...asked.Raft, SnapshotInterval: 10_000 });
  });

  it("reads what `docker swarm init` sends", () => {
    const body = {
      ListenAddr: "0.0.0.0:2377",
      AdvertiseAddr: "10.0.0.7",
      DataPathAddr: "",
      DataPathPort: 0,
      DefaultAddrPool: null,
      SubnetSize: 24,
      ForceNewCluster: false,
      AutoLockManagers: false,
      Availability: "active",
      Spec: {
        Labels: null,
        Orchestration: {},
        Raft: {},
        Dispatcher: {},
        CAConfig: {},
        TaskDefaults: {},
        EncryptionConfig: { AutoLockManagers: false },
      },
    };
    expect(toInitRequest(body)).toEqual({
      pinnedRole: "manager",
      advertiseAddr: "10.0.0.7",
      availability: "active",
      labels: {},
      spec: DEFAULT_CLUSTER_SPEC,
    });
    const overlay = { ...body, Murmur: { DataPlane: "overlay" } };
    expect(toInitRequest(overlay)).toMatchObject({ dataPlane: "overlay" });
    expect(toInitRequest(overlay).addressPool).toBeUndefined();
    const pool = { DefaultAddrPool: ["10.20.0.0/16"], SubnetSize: 26 };
    expect(toInitRequest({ ...overlay, ...pool }).addressPool).toEqual({ subnet: "10.20.0.0/16", subnetLength: 26 });
    expect(toInitRequest({ ...body, ...pool })).toMatchObject({ dataPlane: "overlay" });
    expect(toInitRequest({ ...body, DataPathPort: 7_777 }).dataPathPort).toBe(7_777);
    expect(toInitRequest({ ...body, DataPathPort: 4_789 }).dataPathPort).toBeUndefined();
    for (const DataPathPort of [80, 49_152])
      expect(() => toInitRequest({ ...body, DataPathPort })).toThrow("not in valid range (1024-49151)");
    const pools = ["10.1.0.0/16", "10.2.0.0/16"];
    const further = { subnet: "10.1.0.0/16", further: ["10.2.0.0/16"], subnetLength: 24 };
    expect(toInitRequest({ ...body, DefaultAddrPool: pools }).addressPool).toEqual(further);
    expect(() => toInitRequest({ ...body, DefaultAddrPool: ["10.1.0.0/16", "10.1.0.0/20"] })).toThrow("overlap");
  });

  it.each([
    ["0.0.0.0", "data path address must be a non-zero IP"],
    ["[::]:2000", "data path address must be a non-zero IP"],
    ["10.0.0.7", "Murmur uses the advertised address for all traffic"],
  ])("has no data path address of its own, such as %s", (DataPathAddr, message) => {
    expect(() => toInitRequest({ ListenAddr: "0.0.0.0:2377", DataPathAddr })).toThrow(message);
  });

  it("wants a token and an address to join", () => {
    expect(() => toJoinRequest({ JoinToken: "x" })).toThrow("RemoteAddr");
    expect(() => toJoinRequest({ RemoteAddrs: ["a:1"] })).toThrow("join token");
    expect(toJoinRequest({ JoinToken: "x", RemoteAddrs: ["a:1"], ListenAddr: "0.0.0.0:9000" })).toMatchObject({
      listenAddr: "0.0.0.0:9000",
    });
  });
});
