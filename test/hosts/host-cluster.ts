import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Network, type StartedNetwork } from "testcontainers";
import { eventually, Host } from "./host.ts";
import { ownName, removeLeftovers } from "./leftovers.ts";
import { NodeContainer } from "./node-container.ts";
import { removeCable, startSwitchedNetwork } from "./switched-network.ts";

const execFilePromised = promisify(execFile);

export const WEB_IMAGE = "murmur/web:latest";
/** The same with busybox's, glibc's, musl's and BIND's resolvers in it. */
export const CLIENT_IMAGE = "murmur/client:latest";
/** Arguments of `service create` that give a task the programs of its host, perl among them. */
export const HOST_PROGRAMS: readonly string[] = ["/usr", "/lib", "/lib64"].flatMap((path) => [
  "--mount",
  `type=bind,source=${path},target=${path},readonly`,
]);

/** Several hosts start at once, each with an engine that makes its folders and tables for the first time. */
const STARTED = { limitMs: 60_000 } as const;

export interface HostClusterOptions {
  /** Left out: the cluster's own default. */
  readonly dataPlane?: "ports" | "overlay";
  /** What the engines have from the start; left out: `WEB_IMAGE`. */
  readonly images?: readonly string[];
  /** What hosts have beside CPU and memory, by name: `gpu=A,gpu=B,disk=3`. */
  readonly generic?: Readonly<Record<string, string>>;
  /** What connects the hosts; left out: a bridge, which this machine reaches them by, too. */
  readonly wire?: "bridge" | "switch";
}

/** Several hosts as containers, joined into one cluster, each with its own engine and the test's images on it. */
export class HostCluster implements AsyncDisposable {
  readonly network: StartedNetwork;
  readonly hosts: Host[] = [];
  readonly #options: HostClusterOptions;
  #home: Promise<string> | undefined;
  #images: Promise<unknown> | undefined;

  private constructor(network: StartedNetwork, options: HostClusterOptions) {
    this.network = network;
    this.#options = options;
  }

  /** Starts hosts without a cluster on them. */
  static async ofHosts(count: number, options: HostClusterOptions = {}): Promise<HostCluster> {
    await removeLeftovers();
    const name = await ownName();
    const switched = options.wire === "switch";
    const network = switched ? await startSwitchedNetwork(name) : await new Network({ nextUuid: () => name }).start();
    const cluster = new HostCluster(network, options);
    try {
      const names = Array.from({ length: count }, (_none, index) => `host${String(index + 1)}`);
      const added = await Promise.allSettled(names.map((name) => cluster.addHost(name)));
      // Only now that no other one is still being started: all of them have to go.
      for (const result of added) if (result.status === "rejected") throw result.reason;
      cluster.hosts.sort((left, right) => left.name.localeCompare(right.name));
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts hosts and joins them into a cluster; resolves when all are ready and the managers have been chosen. */
  static async of(count: number, options: HostClusterOptions = {}): Promise<HostCluster> {
    const cluster = await HostCluster.ofHosts(count, options);
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
    const runFolder = join(await this.#folder(), name);
    await mkdir(runFolder);
    const generic = this.#options.generic?.[name];
    const container = await new NodeContainer(name, this.network, { runFolder, generic }).start();
    const host = new Host(name, container, { address: container.getIpAddress(this.network.getName()), runFolder });
    this.hosts.push(host);
    await eventually(
      `${name}'s engine answers`,
      () => host.run(["docker", "version"]),
      ({ code }) => code === 0,
      STARTED,
    );
    await this.#loadImages(host);
    await eventually(
      `${name}'s daemon answers`,
      () => host.client.ping().then(() => true),
      (up) => up,
      STARTED,
    );
    return host;
  }

  async form(): Promise<void> {
    const { first } = this;
    const { dataPlane } = this.#options;
    await first.client.initCluster({ advertiseAddr: first.address, ...(dataPlane && { dataPlane }) });
    for (const host of this.hosts.slice(1)) await this.join(host);
    await this.settled();
  }

  async join(host: Host): Promise<void> {
    const { joinToken: token } = await this.first.client.joinToken();
    await host.client.joinCluster({ token, addresses: [`${this.first.address}:7373`], advertiseAddr: host.address });
  }

  /** Waits until every node and its engine are ready, the wanted number of them are managers, and one leads. */
  async settled(): Promise<void> {
    const managers = this.hosts.length < 3 ? 1 : 3;
    await eventually(
      "all nodes are ready",
      () => this.first.client.nodes(),
      (nodes) =>
        nodes.length === this.hosts.length &&
        nodes.every(({ Status, Murmur }) => Status.State === "ready" && Murmur.EngineState === "ready") &&
        nodes.filter(({ ManagerStatus }) => ManagerStatus !== undefined).length === managers &&
        nodes.some(({ ManagerStatus }) => ManagerStatus?.Leader === true),
    );
  }

  /** The host that leads, as others see it; waits for an election that is under way. */
  async leader(asked: Host = this.first): Promise<Host> {
    const led = async (): Promise<Host | undefined> => {
      const node = (await asked.client.nodes()).find(({ ManagerStatus }) => ManagerStatus?.Leader === true);
      return this.hosts.find(({ name }) => name === node?.Description?.Hostname);
    };
    const host = await eventually("one of the hosts leads", led, (found) => found !== undefined);
    if (host === undefined) throw new Error("nobody leads");
    return host;
  }

  others(...without: readonly Host[]): readonly Host[] {
    return this.hosts.filter((host) => !without.includes(host));
  }

  /** A folder of this cluster on this machine. */
  async #folder(): Promise<string> {
    this.#home ??= ownName().then((name) => mkdtemp(join(tmpdir(), `${name}-`)));
    return this.#home;
  }

  async #loadImages(host: Host): Promise<void> {
    const tar = join(await this.#folder(), "images.tar");
    const { images = [WEB_IMAGE] } = this.#options;
    this.#images ??= execFilePromised("docker", ["save", "-o", tar, ...images]);
    await this.#images;
    await execFilePromised("sh", ["-c", 'docker exec -i "$0" docker load <"$1"', host.container.getId(), tar]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.hosts.map((host) => host.container.stop({ timeout: 0, remove: true, removeVolumes: true }).catch(() => {})),
    );
    await this.network.stop().catch(() => {});
    if (this.#options.wire === "switch") await removeCable(this.network.getName()).catch(() => {});
    // A host that could not be stopped may still write there.
    if (this.#home !== undefined) await rm(await this.#home, { recursive: true, force: true, maxRetries: 5 });
  }
}
