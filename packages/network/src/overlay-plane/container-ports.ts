import { ClusterError } from "@murmur/base";
import type { NetworkId } from "@murmur/model";
import { HOST } from "../overlay/kernel-object.ts";
import { fieldOf, listOf, numberOf, parseJson, textOf } from "../overlay/kernel/read-json.ts";
import { outputOf, type Runner } from "../overlay/kernel/runner.ts";
import { bridgeOf } from "./overlay-state.ts";

const LINKS = ["ip", "-j", "link", "show", "type"] as const;

/**
 * The host's ends of a container's connections to networks: each is the port of the network's bridge whose other end is in
 * the container's namespace. A namespace knows the other end by its number alone.
 *
 * @throws ClusterError `unavailable` when the namespace can't be entered, or the container is not connected to a network
 */
export async function containerPorts(
  runner: Runner,
  netns: string,
  networkIds: readonly NetworkId[],
): Promise<ReadonlyMap<NetworkId, string>> {
  const inside = outputOf("reading the container's links", await runner.run(netns, [...LINKS, "veth"]));
  const peers = new Set(listOf(parseJson(inside)).map((link) => numberOf(fieldOf(link, "link_index"))));
  const outside = outputOf("reading the host's links", await runner.run(HOST, [...LINKS, "veth"]));
  const ports = listOf(parseJson(outside)).filter((link) => peers.has(numberOf(fieldOf(link, "ifindex"))));
  return new Map(
    networkIds.map((id) => {
      const port = ports.find((link) => fieldOf(link, "master") === bridgeOf(id));
      if (port !== undefined) return [id, textOf(fieldOf(port, "ifname"))] as const;
      throw new ClusterError("unavailable", `the container is not connected to the bridge ${bridgeOf(id)}`);
    }),
  );
}

/**
 * The names of the host's bridges that are up. An engine's last step is to bring a new one up: before, it may still remove
 * an address that it doesn't know. @throws ClusterError as `Commands.run`, or `unavailable`
 */
export async function hostBridges(runner: Runner): Promise<ReadonlySet<string>> {
  const printed = outputOf("reading the host's bridges", await runner.run(HOST, [...LINKS, "bridge"]));
  const up = listOf(parseJson(printed)).filter((link) => listOf(fieldOf(link, "flags")).includes("UP"));
  return new Set(up.map((link) => textOf(fieldOf(link, "ifname"))));
}
