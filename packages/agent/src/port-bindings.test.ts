import { expect, it } from "vitest";
import { portBindings } from "./port-bindings.ts";
import { sampleTask } from "./testing/sample-task.ts";

const task = sampleTask(1, {
  endpointPorts: [
    { protocol: "tcp", targetPort: 8080, publishedPort: 80, mode: "ingress" },
    { protocol: "tcp", targetPort: 8080, publishedPort: 81, mode: "ingress" },
    { protocol: "udp", targetPort: 53, publishedPort: 53, mode: "host" },
    { protocol: "tcp", targetPort: 9000, publishedPort: 0, mode: "host" },
    { protocol: "tcp", targetPort: 9000, publishedPort: 90, mode: "host", hostIp: "fd00::1" },
  ],
});
const HOST = [
  { protocol: "udp", targetPort: 53, hostIp: "", hostPort: 53 },
  { protocol: "tcp", targetPort: 9000, hostIp: "", hostPort: 0 },
  { protocol: "tcp", targetPort: 9000, hostIp: "fd00::1", hostPort: 90 },
];

it("publishes each target port once on the data address, and host ports as they are", () => {
  const bindings = portBindings(task, { dataAddress: "10.0.0.1", dataPlane: "ports" });
  expect(bindings).toEqual([{ protocol: "tcp", targetPort: 8080, hostIp: "10.0.0.1", hostPort: 0 }, ...HOST]);
});

it.each(["host", "none"] as const)("publishes nothing in network %s", (nodeNetwork) => {
  const own = sampleTask(1, { nodeNetwork, endpointPorts: task.endpointPorts });
  expect(portBindings(own, { dataAddress: "10.0.0.1", dataPlane: "overlay" })).toEqual([]);
});

it("publishes host ports in network bridge", () => {
  const own = sampleTask(1, { nodeNetwork: "bridge", endpointPorts: task.endpointPorts });
  expect(portBindings(own, { dataAddress: "10.0.0.1", dataPlane: "overlay" })).toEqual(HOST);
});

it("publishes host ports only where tasks have addresses of their own", () => {
  expect(portBindings(task, { dataAddress: "10.0.0.1", dataPlane: "overlay" })).toEqual(HOST);
});
