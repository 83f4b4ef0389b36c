import { execFile } from "node:child_process";
import { GenericContainer, type StartedTestContainer } from "testcontainers";
import type { Outcome } from "./command-runner.ts";
import { CLIENT_IMAGE, type HostCluster } from "./host-cluster.ts";
import { fetching, pagesOf } from "./pages.ts";

/** A machine beside the cluster's hosts: a client with an address of its own. */
export class Outsider implements AsyncDisposable {
  readonly address: string;
  readonly #container: StartedTestContainer;

  private constructor(container: StartedTestContainer, address: string) {
    this.#container = container;
    this.address = address;
  }

  static async beside({ network }: HostCluster, image = CLIENT_IMAGE): Promise<Outsider> {
    const container = await new GenericContainer(image)
      .withNetwork(network)
      .withCommand(["sleep", "1000000"])
      // It is its own administrator, as a machine's owner is.
      .withAddedCapabilities("SYS_ADMIN", "NET_ADMIN")
      .withSecurityOpt("seccomp=unconfined", "apparmor=unconfined")
      .start();
    return new Outsider(container, container.getIpAddress(network.getName()));
  }

  run(...command: string[]): Promise<Outcome> {
    return dockerExec(this.#container.getId(), command, 60_000);
  }

  /** A page, or "" when nobody gives one. */
  async page(url: string): Promise<string> {
    const [page = ""] = await this.pages([url]);
    return page;
  }

  /** Pages, one after the other, each on a connection of its own; "" for one that nobody gives. */
  async pages(urls: readonly string[]): Promise<readonly string[]> {
    return pagesOf((await this.run(...fetching(urls))).stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container.stop({ timeout: 0 });
  }
}

/** Runs a command in a container through the docker CLI: its exit status, both streams, and a bound on its time. */
function dockerExec(id: string, command: readonly string[], timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      "docker",
      ["exec", id, ...command],
      { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 124;
        resolve({ code, stdout, stderr });
      },
    );
  });
}
