import { formatIpBlock, parseIpBlock } from "@murmur/model";
import { HOST, isVxlanName } from "../overlay/kernel-object.ts";
import { fieldOf, listOf, numberOf, parseJson, textOf } from "../overlay/kernel/read-json.ts";
import { outputOf, type Runner } from "../overlay/kernel/runner.ts";
import { isBridgeName } from "./overlay-state.ts";

/**
 * The subnets that the host has addresses in, without our networks' and those that every host has: a network of the cluster
 * that overlaps one of them would cut this node off from it. @throws ClusterError as `Commands.run`, or `unavailable`
 */
export async function hostSubnets(runner: Runner): Promise<readonly string[]> {
  const printed = outputOf("reading the host's addresses", await runner.run(HOST, ["ip", "-j", "address"]));
  const subnets = listOf(parseJson(printed)).flatMap((link) => {
    const name = textOf(fieldOf(link, "ifname"));
    if (isBridgeName(name) || isVxlanName(name)) return [];
    return listOf(fieldOf(link, "addr_info"))
      .filter((info) => fieldOf(info, "scope") === "global")
      .flatMap((info) => subnetOf(textOf(fieldOf(info, "local")), numberOf(fieldOf(info, "prefixlen"))) ?? []);
  });
  return [...new Set(subnets)].toSorted();
}

function subnetOf(address: string, length: number): string | undefined {
  const block = parseIpBlock(`${address}/${String(length)}`);
  return block && formatIpBlock(block);
}
