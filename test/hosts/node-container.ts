import { GenericContainer, type StartedNetwork } from "testcontainers";

/** Another one where several checkouts share an engine. */
export const NODE_IMAGE = process.env["MURMUR_NODE_IMAGE"] ?? "murmur/node:latest";

export interface NodeContainerOptions {
  /** A folder of this machine that becomes the host's /run/murmur, so that its API can be reached from here. */
  readonly runFolder: string;
  /** What it has beside CPU and memory: `gpu=A,gpu=B,disk=3`. */
  readonly generic?: string | undefined;
}

/** A host as a container: an engine of its own and the Murmur daemon, with the same rights as in compose.yaml. */
export class NodeContainer extends GenericContainer {
  constructor(name: string, network: StartedNetwork, { runFolder, generic }: NodeContainerOptions) {
    super(NODE_IMAGE);
    this.withHostname(name)
      .withNetwork(network)
      .withNetworkAliases(name)
      .withAddedCapabilities("SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "MKNOD", "SYS_NICE")
      .withSecurityOpt("seccomp=unconfined", "apparmor=unconfined")
      .withBindMounts([
        { source: "/sys/fs/cgroup", target: "/sys/fs/cgroup", mode: "rw" },
        { source: runFolder, target: "/run/murmur", mode: "rw" },
      ])
      // Docker's own registry has nothing for these tests: who asks it is told so at once, whatever network there is.
      .withExtraHosts([{ host: "registry-1.docker.io", ipAddress: "127.0.0.1" }])
      .withEnvironment({
        MURMUR_DAEMON_ARGS: "--log-level debug --allow-device /dev/net",
        ...(generic !== undefined && { MURMUR_NODE_GENERIC_RESOURCE: generic }),
      })
      .withStartupTimeout(60_000);
    this.hostConfig.Devices = [
      { PathOnHost: "/dev/net/tun", PathInContainer: "/dev/net/tun", CgroupPermissions: "rwm" },
    ];
    this.createOpts.Volumes = { "/var/lib/docker": {}, "/var/lib/murmur": {} };
  }
}
