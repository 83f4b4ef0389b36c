import { nodeId } from "@murmur/base";
import { describe, expect, it } from "vitest";
import { matchesConstraint, matchesConstraints, matchesPlatforms, nodeAttribute } from "./constraint-match.ts";
import type { ClusterNode } from "./node.ts";
import type { Constraint } from "./service-spec.ts";

const node: ClusterNode = {
  id: nodeId("n1n1n1n1n1n1n1n1n1n1n1n1n"),
  spec: { labels: { Zone: "East", tier: "" }, availability: "active" },
  description: {
    hostname: "Alpha",
    platform: { os: "linux", architecture: "x86_64" },
    resources: { nanoCpus: 1, memoryBytes: 1 },
    engine: { version: "27", labels: { disk: "ssd" }, plugins: [] },
    murmurVersion: "0",
    dataPlane: "ports",
  },
  status: { state: "ready", message: "", at: 0, engine: { state: "ready", message: "", at: 0 } },
  address: "10.1.2.3:7373",
  raftRole: "voter",
  keyDigest: "",
  createdAt: 0,
  updatedAt: 0,
  version: 1,
};
const { description: _, ...bare } = node;

const parse = (text: string): Constraint => {
  const [key = "", operator = "", value = ""] = text.split(/(==|!=)/);
  return { key, operator: operator === "==" ? "==" : "!=", value };
};

describe("matchesConstraint", () => {
  it.each([
    ["node.id==n1n1n1n1n1n1n1n1n1n1n1n1n", true],
    ["NODE.hostname==alpha", true],
    ["node.hostname!=alpha", false],
    ["node.role==manager", true],
    ["node.role==worker", false],
    ["node.platform.os==Linux", true],
    ["node.platform.arch==x86_64", true],
    ["node.platform.arch==amd64", true],
    ["node.platform.arch!=amd64", false],
    ["node.labels.Zone==east", true],
    ["node.labels.zone==east", false],
    ["node.labels.zone!=east", true],
    ["engine.labels.disk==ssd", true],
    ["engine.labels.disk==hdd", false],
    ["node.ip==10.1.2.3", true],
    ["node.ip!=10.1.2.3", false],
    ["node.ip==10.1.0.0/16", true],
    ["node.ip!=10.1.0.0/16", false],
    ["node.ip==0.0.0.0/0", true],
    ["node.ip==fe80::1", false],
    ["node.ip!=fe80::/10", true],
    ["node.ip==10.1.2", false],
    ["node.ip!=10.1.2.3/33", false],
    ["node.colour!=red", false],
    ["node.labels.!=red", false],
  ])("%s is %s", (text, expected) => {
    expect(matchesConstraint(node, parse(text))).toBe(expected);
  });

  it.each([
    ["node.ip==2001:db8::2", true],
    ["node.ip==2001:DB8:0:0:0:0:0:2", true],
    ["node.ip==2001:db8::/32", true],
    ["node.ip==2001:db9::/32", false],
    ["node.ip!=2001:db8:::2", false],
    ["node.ip!=1:2:3", false],
  ])("%s is %s for an IPv6 node", (text, expected) => {
    expect(matchesConstraint({ ...node, address: "[2001:db8::2]:7373" }, parse(text))).toBe(expected);
  });

  it("takes what a node has not said for empty", () => {
    expect(matchesConstraint(bare, parse("node.hostname==alpha"))).toBe(false);
    expect(matchesConstraint(bare, parse("node.hostname!=alpha"))).toBe(true);
    expect(nodeAttribute(bare, "engine.labels.disk")).toBe("");
  });

  it("wants all constraints", () => {
    expect(matchesConstraints(node, [])).toBe(true);
    expect(matchesConstraints(node, [parse("node.role==manager"), parse("node.hostname==beta")])).toBe(false);
  });
});

describe("matchesPlatforms", () => {
  it.each([
    [[], true],
    [[{ os: "linux", architecture: "amd64" }], true],
    [[{ os: "linux", architecture: "aarch64" }, { architecture: "x86_64" }], true],
    [[{ os: "linux", architecture: "" }], true],
    [[{ os: "windows" }], false],
  ])("%j is %s", (platforms, expected) => {
    expect(matchesPlatforms(node, platforms)).toBe(expected);
  });

  it("suits no node that has not described itself", () => {
    expect(matchesPlatforms(bare, [{ os: "linux" }])).toBe(false);
    expect(matchesPlatforms(bare, [])).toBe(true);
  });
});
