import { GenericContainer, type StartedTestContainer } from "testcontainers";
import { dockerExec, type Outcome } from "./host.ts";
import { CLIENT_IMAGE, type HostCluster } from "./host-cluster.ts";

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
    return (await this.run("timeout", "5", "wget", "-q", "-O", "-", url)).stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container.stop({ timeout: 0 });
  }
}
