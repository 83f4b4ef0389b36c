import { formatIpBlock, parseIpBlock } from "@murmur/model";
import { HOST, isVxlanName } from "../overlay/kernel-object.ts";
import { systemCommands, type Commands } from "../overlay/kernel/commands.ts";
import { fieldOf, listOf, numberOf, parseJson, textOf, type Json } from "../overlay/kernel/read-json.ts";
import { outputOf, Runner } from "../overlay/kernel/runner.ts";
import { isBridgeName } from "./overlay-state.ts";

/** More are left out, routes first: a node's description stays small also on a host that has all of its site's routes. */
const SUBNETS_MAX = 256;
/** Routes of shorter prefixes stand for the whole world, as that of a tunnel that takes everything (`0.0.0.0/1`). */
const ROUTE_LENGTH_MIN = { 4: 8, 6: 16 } as const;

/**
 * The subnets that the host has addresses in or a route to, without our networks' and those that every host has: a network
 * of the cluster that overlaps one of them would cut this node off from it.
 * @throws ClusterError as `Commands.run`, or `unavailable`
 */
export async function hostSubnets(runner: Runner): Promise<readonly string[]> {
  const read = async (what: string, argv: readonly [string, ...string[]]): Promise<Json> =>
    parseJson(outputOf(`reading the host's ${what}`, await runner.run(HOST, argv)));
  const addresses = addressSubnets(await read("addresses", ["ip", "-j", "address"]));
  const routes = [
    ...routedSubnets(await read("routes", ["ip", "-j", "-4", "route", "show"])),
    ...routedSubnets(await read("routes", ["ip", "-j", "-6", "route", "show"])),
  ];
  return [...new Set([...addresses, ...routes.toSorted()])].slice(0, SUBNETS_MAX).toSorted();
}

/** As `hostSubnets`, of this machine, before it has an overlay. */
export const machineSubnets = (commands: Commands = systemCommands): Promise<readonly string[]> =>
  hostSubnets(new Runner({ commands }));

/** Of what `ip -j address` printed. */
const addressSubnets = (links: Json): readonly string[] =>
  listOf(links).flatMap((link) => {
    if (isOurs(textOf(fieldOf(link, "ifname")))) return [];
    return listOf(fieldOf(link, "addr_info"))
      .filter((info) => fieldOf(info, "scope") === "global")
      .flatMap((info) => subnetOf(`${textOf(fieldOf(info, "local"))}/${String(numberOf(fieldOf(info, "prefixlen")))}`));
  });

/** Of what `ip -j route show` printed: what leads somewhere, but to everywhere. */
const routedSubnets = (routes: Json): readonly string[] =>
  listOf(routes).flatMap((route) => {
    const [to, device] = [textOf(fieldOf(route, "dst")), textOf(fieldOf(route, "dev"))];
    // Routes that refuse (`unreachable`) have a type, or the loopback device.
    if (isOurs(device) || device === "lo" || fieldOf(route, "type") !== undefined || to.startsWith("fe80:")) return [];
    const whole = to.includes("/") ? to : `${to}/${to.includes(":") ? "128" : "32"}`;
    const block = parseIpBlock(whole);
    return block === undefined || block.length < ROUTE_LENGTH_MIN[block.family] ? [] : subnetOf(whole);
  });

const isOurs = (device: string): boolean => isBridgeName(device) || isVxlanName(device);

function subnetOf(text: string): readonly string[] {
  const block = parseIpBlock(text);
  return block === undefined ? [] : [formatIpBlock(block)];
}
