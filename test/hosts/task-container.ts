import type { Outcome } from "./command-runner.ts";
import type { Host } from "./host.ts";
import { fetching, pagesOf } from "./pages.ts";

/** The running container of a task, with what its engine says of it. */
export class TaskContainer {
  readonly host: Host;
  readonly id: string;
  /** `SERVICE.SLOT.ID` */
  readonly name: string;
  readonly slot: string;
  /** Path of its network namespace, on its host. */
  readonly netns: string;
  /** Of its first process, on its host. */
  readonly #pid: number;
  readonly #env: Readonly<Record<string, string>>;
  /** By the engine's names of its networks. */
  readonly #networks: Readonly<Record<string, { readonly IPAddress: string }>>;

  constructor(host: Host, inspection: Inspection) {
    this.host = host;
    this.id = inspection.Id;
    this.name = inspection.Name.slice(1);
    this.slot = this.name.split(".")[1] ?? "";
    this.netns = inspection.NetworkSettings.SandboxKey;
    this.#networks = inspection.NetworkSettings.Networks;
    this.#pid = inspection.State.Pid;
    this.#env = Object.fromEntries(
      inspection.Config.Env.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }

  /** Its address in a network of the cluster. */
  addressIn(network: string): string {
    const found = Object.entries(this.#networks).find(([name]) => name.startsWith(`murmur.${network}.`));
    if (found === undefined) throw new Error(`${this.name} is not in ${network}`);
    return found[1].IPAddress;
  }

  /** Runs a command in the container. Never rejects for the command's own failure. */
  run(...command: string[]): Promise<Outcome> {
    return this.host.run(["docker", "exec", this.id, ...command]);
  }

  /**
   * As `run`, without the engine, which takes many times as long as a look at a name or a page: the same program sees the
   * same files, network and environment, but has the rights of the host's administrator.
   */
  inside(...command: string[]): Promise<Outcome> {
    const enter = ["/usr/bin/nsenter", "--target", String(this.#pid), "--mount", "--uts", "--ipc", "--net", "--pid"];
    return this.host.run([...enter, "--", ...command], { env: this.#env });
  }

  /** Runs a command of the host in the container's network, as its administrator would; must succeed. */
  inNetwork(...command: string[]): Promise<string> {
    return this.host.ok("nsenter", `--net=${this.netns}`, ...command);
  }

  /** A page from within the container, or "" when nobody gives one. */
  async page(url: string): Promise<string> {
    const [page = ""] = await this.pages([url]);
    return page;
  }

  /** Pages, one after the other, each on a connection of its own; "" for one that nobody gives. */
  async pages(urls: readonly string[]): Promise<readonly string[]> {
    return pagesOf((await this.inside(...fetching(urls))).stdout);
  }
}

interface Inspection {
  readonly Id: string;
  /** With a slash before it. */
  readonly Name: string;
  readonly State: { readonly Pid: number };
  /** `NAME=VALUE` */
  readonly Config: { readonly Env: readonly string[] };
  readonly NetworkSettings: {
    readonly SandboxKey: string;
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
  };
}

/** The running containers of a service's tasks on these hosts, by slot. */
export async function tasksOf(hosts: readonly Host[], service: string): Promise<readonly TaskContainer[]> {
  const filter = `label=com.docker.swarm.service.name=${service}`;
  const lists = await Promise.all(
    hosts.map(async (host) => {
      const ids = await host.ok("docker", "ps", "-q", "--no-trunc", "--filter", filter);
      if (ids === "") return [];
      const inspections = JSON.parse(await host.ok("docker", "inspect", ...ids.split("\n"))) as readonly Inspection[];
      return inspections.map((inspection) => new TaskContainer(host, inspection));
    }),
  );
  return lists.flat().toSorted((left, right) => Number(left.slot) - Number(right.slot));
}
