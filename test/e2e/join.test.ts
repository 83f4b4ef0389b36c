import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { HostCluster } from "../hosts/host-cluster.ts";

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.ofHosts(2);
  await cluster.first.murmur("cluster", "init", "--advertise-addr", cluster.first.address);
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** A join that must be refused: one line, an exit status, and nothing half done. */
async function refused(...args: string[]): Promise<string> {
  const { code, stderr } = await cluster.host(1).run(["murmur", "node", "join", ...args], { timeoutMs: 30_000 });
  expect(code).not.toBe(0);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  const listed = await cluster.first.json<readonly unknown[]>("node", "ls");
  expect(listed).toHaveLength(1);
  return stderr;
}

describe("joining", () => {
  it("is refused with a wrong token, another cluster's, an address that does not answer, and nonsense", async () => {
    const token = await cluster.first.murmur("cluster", "join-token", "--quiet");
    const address = `${cluster.first.address}:7373`;
    expect(await refused("--token", "MURMUR-1-nonsense", address)).toMatch(/token/);
    expect(await refused("--token", token.slice(0, -3), address)).toMatch(/token/);
    expect(await refused("--token", token, `${cluster.first.address}:7999`)).toContain("7999");
    const other = await cluster.host(1).murmur("cluster", "init", "--advertise-addr", cluster.host(1).address);
    const foreign = /MURMUR-\S+/.exec(other)?.[0] ?? "";
    await cluster.host(1).murmur("cluster", "leave", "--force");
    expect(await refused("--token", foreign, address)).toMatch(/another cluster|CA/);
  });

  it("is refused with a token that was rotated, and works with the new one, once", async () => {
    const old = await cluster.first.murmur("cluster", "join-token", "--quiet");
    await cluster.first.murmur("cluster", "join-token", "--rotate", "--quiet");
    const address = `${cluster.first.address}:7373`;
    expect(await refused("--token", old, address)).toMatch(/valid join token is necessary/);
    await cluster.join(cluster.host(1));
    await cluster.settled();
    const again = await cluster.host(1).run(["murmur", "node", "join", "--token", old, address]);
    expect(again.code).not.toBe(0);
    expect(again.stderr).toMatch(/already/);
    const second = await cluster.first.run(["murmur", "cluster", "init"]);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toMatch(/already/);
  });

  it("is remembered over a restart of the daemon", async () => {
    const second = cluster.host(1);
    await second.killMurmur();
    await eventually(
      "the second host's daemon is in its cluster again",
      () => second.client.nodes(),
      (nodes) => nodes.length === 2,
    );
    await cluster.settled();
  });

  it.each(["worker", "manager"])("by docker's own command gives a %s the role of its token, for good", async (role) => {
    const [first, second] = [cluster.first, cluster.host(1)];
    const docker = (host: Host, ...args: readonly string[]): Promise<string> =>
      host.ok("docker", "-H", "unix:///run/murmur/docker.sock", ...args);
    await second.murmur("cluster", "leave", "--force");
    await eventually(
      "the first host is alone",
      () => first.json<readonly unknown[]>("node", "ls"),
      (nodes) => nodes.length === 1,
      SOON,
    );
    const token = await docker(first, "swarm", "join-token", "--quiet", role);
    await docker(second, "swarm", "join", "--token", token, `${first.address}:7373`);
    const id = await docker(second, "info", "--format", "{{.Swarm.NodeID}}");
    expect(await docker(first, "node", "inspect", id, "--format", "{{.Spec.Role}}")).toBe(role);
    const isManager = String(role === "manager");
    const shown = "{{if .ManagerStatus}}true{{else}}false{{end}}";
    expect(await docker(second, "info", "--format", "{{.Swarm.ControlAvailable}}")).toBe(isManager);
    expect(await docker(first, "node", "inspect", id, "--format", shown)).toBe(isManager);
    expect(await docker(first, "node", "inspect", "self", "--format", "{{.ManagerStatus.Leader}}")).toBe("true");
  });
});
