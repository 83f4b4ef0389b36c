import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, SOON, type Host } from "../hosts/host.ts";
import { HostCluster, WEB_IMAGE } from "../hosts/host-cluster.ts";

let cluster: HostCluster;
beforeAll(async () => {
  cluster = await HostCluster.ofHosts(3);
  await cluster.first.murmur("cluster", "init", "--advertise-addr", cluster.first.address);
  await cluster.join(cluster.host(1));
});
afterAll(() => cluster[Symbol.asyncDispose]());

const docker = (...args: readonly string[]): Promise<string> => dockerOn(cluster.first, ...args);
const dockerOn = (host: Host, ...args: readonly string[]): Promise<string> =>
  host.ok("docker", "-H", "unix:///run/murmur/docker.sock", ...args);

interface Info {
  readonly TrustRoot: string;
  readonly CertIssuerPublicKey: string;
}
const rootOf = async (field: string, ...args: readonly string[]): Promise<Info> =>
  JSON.parse(await docker(...args, "--format", `{{json ${field}}}`)) as Info;
const wanted = (): Promise<Info> => rootOf(".Swarm.Cluster.TLSInfo", "info");
const shown = (id: string): Promise<Info> => rootOf(".Description.TLSInfo", "node", "inspect", id);
const ids = async (): Promise<readonly string[]> => (await docker("node", "ls", "-q")).split("\n");

/** What a new connection is shown. */
const handshake = async (host: Host): Promise<string> => {
  const line = `openssl s_client -connect ${host.address}:7373 -showcerts </dev/null 2>/dev/null`;
  return (await cluster.first.run(["sh", "-c", line])).stdout;
};

describe("a rotation of the root by docker's own command", () => {
  it("ends, gives every node another certificate, and leaves services as they are", async () => {
    await docker("service", "create", "--detach", "--name", "web", "--replicas", "2", WEB_IMAGE);
    await eventually(
      "both tasks run",
      () => docker("service", "ps", "--filter", "desired-state=running", "--format", "{{.CurrentState}}", "web"),
      (states) => states.split("\n").filter((state) => state.startsWith("Running")).length === 2,
    );
    const tasks = (): Promise<string> => docker("service", "ps", "-q", "web");
    const [before, token, running] = [
      await wanted(),
      await docker("swarm", "join-token", "-q", "worker"),
      await tasks(),
    ];
    expect((await docker("swarm", "ca")).trim()).toBe(before.TrustRoot.trim());

    const output = await docker("swarm", "ca", "--rotate", "--cert-expiry", "720h");
    const after = await wanted();
    expect(after.TrustRoot).not.toBe(before.TrustRoot);
    expect(output).toContain(after.TrustRoot.trim());
    expect(await docker("info", "--format", "{{.Swarm.Cluster.RootRotationInProgress}}")).toBe("false");
    expect(await docker("info", "--format", "{{.Swarm.Cluster.Spec.CAConfig.NodeCertExpiry}}")).toBe("720h0m0s");
    for (const id of await ids()) expect(await shown(id)).toEqual(after);
    expect(await tasks()).toBe(running);

    const join = ["murmur", "node", "join", "--token"] as const;
    const address = `${cluster.first.address}:7373`;
    const refused = await cluster.host(2).run([...join, token, address], { timeoutMs: 30_000 });
    expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringMatching(/before its root was rotated/)]);
    await cluster.join(cluster.host(2));
    await cluster.settled();
    expect(await ids()).toHaveLength(3);
  });

  it("ends with a root that the user brings, also while a daemon is killed, and connections show it", async () => {
    const make =
      "openssl ecparam -name secp384r1 -genkey -noout -out /tmp/root.key && " +
      "openssl req -x509 -new -key /tmp/root.key -days 3650 -subj /O=Example/CN=our-root -out /tmp/root.pem";
    await cluster.first.ok("sh", "-c", make);
    const ours = await cluster.first.ok("cat", "/tmp/root.pem");
    const rotate = ["swarm", "ca", "--rotate", "--detach", "--ca-cert", "/tmp/root.pem", "--ca-key", "/tmp/root.key"];
    await Promise.all([docker(...rotate), cluster.host(1).killMurmur()]);
    await eventually(
      "the rotation has ended",
      () =>
        docker("info", "--format", "{{.Swarm.Cluster.RootRotationInProgress}} {{.Swarm.Cluster.TLSInfo.TrustRoot}}"),
      (text) => text.startsWith("false") && text.includes(ours.trim()),
    );
    await eventually(
      "all nodes trust it alone",
      async () => Promise.all((await ids()).map(shown)),
      (nodes) => nodes.every(({ TrustRoot }) => TrustRoot.trim() === ours.trim()),
      SOON,
    );
    for (const host of [0, 1, 2].map((number) => cluster.host(number)))
      expect(await handshake(host)).toMatch(/issuer.*our-root/);

    // All from their disks: whoever had kept the old root would be alone.
    for (const host of [0, 1, 2].map((number) => cluster.host(number))) await host.killMurmur();
    await cluster.settled();
    const json = await cluster.first.json<{ readonly Nodes: readonly { readonly TrustsRoot: boolean }[] }>(
      "cluster",
      "ca",
    );
    expect(json.Nodes.map(({ TrustsRoot }) => TrustsRoot)).toEqual([true, true, true]);
  });
});
