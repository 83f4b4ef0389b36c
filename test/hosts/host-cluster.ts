import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Network, type StartedNetwork } from "testcontainers";
import { eventually, Host } from "./host.ts";
import { NodeContainer } from "./node-container.ts";

export const WEB_IMAGE = "murmur/web:latest";

interface NodeRow {
  readonly Hostname: string;
  readonly Status: string;
}

/** Several hosts as containers, joined into one cluster, each with its own engine and the test's image on it. */
export class HostCluster implements AsyncDisposable {
  readonly network: StartedNetwork;
  readonly hosts: Host[] = [];
  #imageTar: string | undefined;

  private constructor(network: StartedNetwork) {
    this.network = network;
  }

  /** Starts hosts without a cluster on them. */
  static async ofHosts(count: number): Promise<HostCluster> {
    const cluster = new HostCluster(await new Network().start());
    try {
      await Promise.all(Array.from({ length: count }, (_none, index) => cluster.addHost(`host${String(index + 1)}`)));
      cluster.hosts.sort((left, right) => left.name.localeCompare(right.name));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts hosts and joins them into a cluster; resolves when all are ready and the managers have been chosen. */
  static async of(count: number): Promise<HostCluster> {
    const cluster = await HostCluster.ofHosts(count);
    try {
      await cluster.form();
      return cluster;
    } catch (error) {
      for (const host of cluster.hosts) console.error(`${host.name}:\n${await host.logs()}`);
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get first(): Host {
    return this.host(0);
  }

  host(index: number): Host {
    const host = this.hosts[index];
    if (host === undefined) throw new Error(`there is no host ${String(index)}`);
    return host;
  }

  async addHost(name: string): Promise<Host> {
    const container = await new NodeContainer(name, this.network).start();
    const host = new Host(name, container, container.getIpAddress(this.network.getName()));
    this.hosts.push(host);
    await eventually(
      `${name}'s engine answers`,
      () => host.run(["docker", "version"]),
      ({ code }) => code === 0,
    );
    await this.#loadImage(host);
    await eventually(
      `${name}'s daemon answers`,
      () => host.run(["murmur", "version"]),
      ({ code }) => code === 0,
    );
    return host;
  }

  async form(): Promise<void> {
    const { first } = this;
    await first.murmur("cluster", "init", "--advertise-addr", first.address);
    const token = await first.murmur("cluster", "join-token", "--quiet");
    for (const host of this.hosts.slice(1)) await this.join(host, token);
    await this.settled();
  }

  async join(host: Host, token?: string): Promise<void> {
    const line = token ?? (await this.first.murmur("cluster", "join-token", "--quiet"));
    await host.murmur("node", "join", "--advertise-addr", host.address, "--token", line, `${this.first.address}:7373`);
  }

  /** Waits until every node is ready and the wanted number of them are managers. */
  async settled(): Promise<void> {
    const managers = this.hosts.length < 3 ? 1 : 3;
    await eventually(
      "all nodes are ready",
      () => this.first.json<readonly (NodeRow & { readonly ManagerStatus: string })[]>("node", "ls"),
      (rows) =>
        rows.length === this.hosts.length &&
        rows.every(({ Status }) => Status === "Ready") &&
        rows.filter(({ ManagerStatus }) => ManagerStatus !== "").length === managers,
    );
  }

  /** The host that leads, as others see it. */
  async leader(asked: Host = this.first): Promise<Host> {
    const rows = await asked.json<readonly (NodeRow & { readonly ManagerStatus: string })[]>("node", "ls");
    const name = rows.find(({ ManagerStatus }) => ManagerStatus === "Leader")?.Hostname;
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error("nobody leads");
    return host;
  }

  others(...without: readonly Host[]): readonly Host[] {
    return this.hosts.filter((host) => !without.includes(host));
  }

  async #loadImage(host: Host): Promise<void> {
    if (this.#imageTar === undefined) {
      const folder = await mkdtemp(join(tmpdir(), "murmur-image-"));
      this.#imageTar = join(folder, "web.tar");
      execFileSync("docker", ["save", "-o", this.#imageTar, WEB_IMAGE]);
    }
    const load = spawn("sh", ["-c", 'docker exec -i "$0" docker load <"$1"', host.container.getId(), this.#imageTar], {
      stdio: "ignore",
    });
    const [code] = (await once(load, "exit")) as [number | null];
    if (code !== 0) throw new Error(`${host.name} did not take the image`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.hosts.map((host) => host.container.stop({ timeout: 0, remove: true, removeVolumes: true }).catch(() => {})),
    );
    await this.network.stop().catch(() => {});
    if (this.#imageTar !== undefined) await rm(join(this.#imageTar, ".."), { recursive: true, force: true });
  }
}
