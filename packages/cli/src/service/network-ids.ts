import type { MurmurClient } from "@murmur/api";
import { ClusterError } from "@murmur/base";

/**
 * What turns a network's name into its id, by which a service that is there names its networks. Errors when it is called:
 * `not_found`.
 */
export async function networkIds(client: MurmurClient): Promise<(text: string) => string> {
  const networks = await client.serviceNetworks();
  return (text) => {
    const exact = networks.find(({ Id }) => Id === text) ?? networks.find(({ Name }) => Name === text);
    if (exact !== undefined) return exact.Id;
    const [first, ...more] = networks.filter(({ Id }) => text !== "" && Id.startsWith(text));
    if (first !== undefined && more.length === 0) return first.Id;
    throw new ClusterError("not_found", `network ${text} not found`);
  };
}
