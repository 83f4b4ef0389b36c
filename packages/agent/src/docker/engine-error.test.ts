import { describe, expect, it } from "vitest";
import { engineAddress } from "./engine-address.ts";
import { engineError } from "./engine-error.ts";

const answer = (statusCode: number, message: string): Error =>
  Object.assign(new Error(`(HTTP code ${String(statusCode)}) unexpected - ${message} `), {
    statusCode,
    json: { message },
  });

describe("an engine's error", () => {
  it.each([
    [400, "invalid mount config", "invalid_argument"],
    [404, "No such image: web:1", "not_found"],
    [409, 'Conflict. The container name "/web.1" is already in use by container "c1".', "name_conflict"],
    [409, "Cannot kill container: c1: Container c1 is not running", "failed_precondition"],
    [403, "forbidden", "failed_precondition"],
    [500, "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated", "port_conflict"],
    [500, "dial unix /run/containerd/containerd.sock: connect: connection refused", "unavailable"],
    [500, "error while creating mount source path '/x': mkdir /x: no such file or directory", "invalid_argument"],
    [403, "Address already in use", "in_use"],
    [403, "Pool overlaps with other one on this address space", "failed_precondition"],
    [500, "out of something", "internal"],
    [501, "no such driver here", "unsupported"],
    [503, "shutting down", "unavailable"],
  ])("%s %s is %s", (status, message, code) => {
    expect(engineError(answer(status, message))).toMatchObject({ code, message });
  });

  it("is unavailable when there is no answer", () => {
    const error = engineError(new Error("connect ENOENT /var/run/docker.sock"));
    expect(error).toMatchObject({ code: "unavailable", message: "connect ENOENT /var/run/docker.sock" });
  });

  it("is one line", () => {
    expect(engineError(answer(400, "OCI failed:\n  exec: nothing")).message).toBe("OCI failed: exec: nothing");
  });
});

describe("an engine's address", () => {
  it.each([
    ["unix:///run/docker.sock", { socketPath: "/run/docker.sock", host: "", protocol: "http" }],
    ["/run/docker.sock", { socketPath: "/run/docker.sock", host: "", protocol: "http" }],
    ["tcp://10.0.0.1:2376", { host: "10.0.0.1", port: 2376, protocol: "http" }],
    ["10.0.0.1", { host: "10.0.0.1", port: 2375, protocol: "http" }],
    ["tcp://[::1]:2375", { host: "::1", port: 2375, protocol: "http" }],
  ])("%s", (text, address) => {
    expect(engineAddress(text)).toEqual(address);
  });

  it.each(["", "ssh://host", "tcp://", "unix://"])('refuses "%s" in one line', (text) => {
    expect(() => engineAddress(text)).toThrow(/is not the address of an engine; give unix:/);
  });
});
