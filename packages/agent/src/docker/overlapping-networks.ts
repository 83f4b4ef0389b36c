import { ClusterError } from "@murmur/base";
import { overlaps, parseIpBlock, type IpBlock } from "@murmur/model";
import type Docker from "dockerode";
import type { NetworkInspectInfo } from "dockerode";
import type { Abortable, EngineNetwork } from "../ports.ts";
import { engineError } from "./engine-error.ts";

/** What engines say whose networks have addresses of a new one; not by which name it is known. */
const OVERLAP = /pool overlaps|overlapping IP/i;
const NAMES_MAX = 3;

/**
 * Why an engine refuses a network: where addresses of its are taken already, with the network that has them, who is in it,
 * and what frees them; else as it came.
 */
export async function creationError(
  docker: Docker,
  { name, ipv4, ipv6 }: EngineNetwork,
  { error, signal }: Abortable & { readonly error: unknown },
): Promise<unknown> {
  const { code, message } = engineError(error);
  if (!OVERLAP.test(message)) return error;
  const wanted = [ipv4.subnet, ...(ipv6 === undefined ? [] : [ipv6.subnet])].flatMap(blockOf);
  const all = await docker.listNetworks({ abortSignal: signal });
  const taker = all.find(
    (info) => info.Name !== name && subnetsOf(info).some((block) => wanted.some((own) => overlaps(own, block))),
  );
  // Of a network that was removed meanwhile, or has them in a way that isn't shown.
  if (taker === undefined) return error;
  const filter = { filters: { network: [taker.Id] }, abortSignal: signal };
  const inside = (await docker.listContainers(filter)).map(({ Id, Names: [path] }) => path?.slice(1) ?? Id);
  const text = `addresses of ${ipv4.subnet} are taken by the engine's network ${taker.Name}${freedBy(taker.Name, inside)}`;
  return new ClusterError(code, text, { cause: error });
}

function freedBy(network: string, inside: readonly string[]): string {
  const names = inside.toSorted();
  const [first] = names;
  if (first === undefined) return `: \`docker network rm ${network}\` frees them`;
  const more = names.length > NAMES_MAX ? ` and ${String(names.length - NAMES_MAX)} more` : "";
  const who = `${names.slice(0, NAMES_MAX).join(", ")}${more}`;
  return `, with ${who} in it: stop them, or \`docker network disconnect ${network} ${first}\``;
}

const subnetsOf = ({ IPAM }: NetworkInspectInfo): readonly IpBlock[] =>
  (IPAM?.Config ?? []).flatMap(({ Subnet }) => (Subnet === undefined ? [] : blockOf(Subnet)));

function blockOf(subnet: string): readonly IpBlock[] {
  const block = parseIpBlock(subnet);
  return block === undefined ? [] : [block];
}
