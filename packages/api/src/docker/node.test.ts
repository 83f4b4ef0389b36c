import { assert } from "@murmur/base";
import type { ClusterNode, NodePermissions } from "@murmur/model";
import { describe, expect, it } from "vitest";
import { MemoryCluster, NODE_ONE, NODE_TWO } from "../testing/memory-cluster.ts";
import { fromNode, hostOf, toNodeSpec } from "./node.ts";

const context = { leader: NODE_ONE, cluster: { caPem: "PEM" } };
const nodeOf = (id: typeof NODE_ONE): ClusterNode => {
  const node = new MemoryCluster().store.view.node(id);
  assert(node !== undefined, "the node is there");
  return node;
};

describe("the translation of nodes", () => {
  it("shows the leader as Docker does", () => {
    const node = fromNode(nodeOf(NODE_ONE), context);
    expect(node.ManagerStatus).toEqual({ Leader: true, Reachability: "reachable", Addr: "10.0.0.1:7373" });
    expect(node.Status).toEqual({ State: "ready", Addr: "10.0.0.1" });
    expect(node.Spec).toEqual({ Role: "manager", Availability: "active", Labels: {}, Murmur: { PinnedRole: null } });
    expect(fromNode(nodeOf(NODE_TWO), context).ManagerStatus).toBeUndefined();
  });

  it("shows who is to be a manager as one, from the beginning on", () => {
    const node: ClusterNode = {
      ...nodeOf(NODE_TWO),
      spec: { labels: {}, availability: "active", pinnedRole: "manager" },
    };
    const reachability = (of: ClusterNode) => fromNode(of, context).ManagerStatus?.Reachability;
    expect(reachability(node)).toBe("unknown");
    expect(reachability({ ...node, raftRole: "learner" })).toBe("reachable");
    expect(reachability({ ...node, status: { ...node.status, state: "down" } })).toBe("unreachable");
  });

  it("says what its daemon permits containers, and nothing where that is nothing", () => {
    const node = nodeOf(NODE_ONE);
    const permitting = (permits: NodePermissions | undefined) => {
      const { description } = node;
      assert(description !== undefined, "the node is described");
      return fromNode({ ...node, description: { ...description, ...(permits && { permits }) } }, context).Murmur
        .Permits;
    };
    expect(permitting({ privileged: true, devices: ["/dev/fuse"] })).toEqual({
      Privileged: true,
      Devices: ["/dev/fuse"],
    });
    expect(permitting({ devices: [] })).toBeUndefined();
    expect(permitting(undefined)).toBeUndefined();
  });

  it("pins a role only when the client asks for another one than it saw", () => {
    const node = nodeOf(NODE_TWO);
    const same = { Role: "worker", Availability: "drain", Labels: { zone: "a" } };
    expect(toNodeSpec(same, node)).toEqual({ labels: { zone: "a" }, availability: "drain" });
    expect(toNodeSpec({ ...same, Role: "manager" }, node).pinnedRole).toBe("manager");
    expect(toNodeSpec({ ...same, Murmur: { PinnedRole: "worker" } }, node).pinnedRole).toBe("worker");
  });

  it("leaves a pin alone for clients that don't know it, and takes it off when told", () => {
    const node: ClusterNode = {
      ...nodeOf(NODE_TWO),
      spec: { labels: {}, availability: "active", pinnedRole: "manager" },
    };
    const seen = { Role: "manager", Availability: "active" };
    expect(toNodeSpec(seen, node).pinnedRole).toBe("manager");
    expect(toNodeSpec({ ...seen, Murmur: { PinnedRole: "manager" } }, node).pinnedRole).toBe("manager");
    expect(toNodeSpec({ ...seen, Murmur: { PinnedRole: null } }, node).pinnedRole).toBeUndefined();
    expect(toNodeSpec({ ...seen, Role: "worker", Murmur: { PinnedRole: "manager" } }, node).pinnedRole).toBe("worker");
  });

  it("keeps the deadline of a drain for clients that don't know it, and drops it with the drain", () => {
    const node: ClusterNode = {
      ...nodeOf(NODE_TWO),
      spec: { labels: {}, availability: "drain", drain: { deadlineMs: 60_000 } },
      drainUntil: 1_700_000_060_000,
    };
    const shown = fromNode(node, context);
    expect(shown.Spec.Murmur).toEqual({ PinnedRole: null, Drain: { Deadline: 60e9 } });
    expect(shown.Murmur.DrainUntil).toBe("2023-11-14T22:14:20.000000000Z");
    const seen = { Role: "worker", Availability: "drain" };
    expect(toNodeSpec(seen, node).drain).toEqual({ deadlineMs: 60_000 });
    expect(toNodeSpec({ ...seen, Murmur: { Drain: null } }, node).drain).toBeUndefined();
    expect(toNodeSpec({ ...seen, Murmur: { Drain: { Deadline: 1e9 } } }, node).drain).toEqual({ deadlineMs: 1_000 });
    const active = { ...shown.Spec, Availability: "active" };
    expect(toNodeSpec(active, node)).toEqual({ labels: {}, availability: "active" });
    const contradiction = { ...active, Murmur: { Drain: { Deadline: 1e9 } } };
    expect(() => toNodeSpec(contradiction, node)).toThrow("drain: must be left out unless the availability is drain");
  });

  it.each([0, -1e9, 25 * 3600e9, "5m"])("refuses a deadline of %s", (Deadline) => {
    const body = { Role: "worker", Availability: "drain", Murmur: { Drain: { Deadline } } };
    expect(() => toNodeSpec(body, nodeOf(NODE_TWO))).toThrow(/deadlineMs|Deadline/);
  });

  it.each([
    [{ Availability: "active" }, "Role"],
    [{ Role: "worker" }, "Availability"],
    [{ Role: "boss", Availability: "active" }, "Role: must be worker or manager"],
    [{ Role: "worker", Availability: "active", Zone: "a" }, "Zone"],
    [{ Role: "worker", Availability: "active", Murmur: { Pin: 1 } }, "Murmur"],
  ])("refuses %j", (body, named) => {
    expect(() => toNodeSpec(body, nodeOf(NODE_TWO))).toThrow(named);
  });

  it.each([
    ["10.0.0.1:7373", "10.0.0.1"],
    ["[fd00::1]:7373", "fd00::1"],
  ])("finds the host in %s", (address, host) => expect(hostOf(address)).toBe(host));
});
