import { unreachable } from "@murmur/base";
import { HOST, inOrder, isSame, keyOf, type KernelObject, type KernelState, type Place } from "../kernel-object.ts";

/** One thing in which the kernel is not as it should be. */
export interface Difference {
  readonly place: Place;
  readonly kind: "missing" | "unexpected" | "different";
  /** One line for people. */
  readonly text: string;
}

/** Everything in which what the kernel holds differs from what is wanted, in a fixed order. */
export function difference(wanted: KernelState, held: KernelState): readonly Difference[] {
  const places = [...new Set([...wanted.keys(), ...held.keys()])];
  return places.flatMap((place) => {
    const [right, found] = [wanted.get(place), held.get(place)];
    const where = place === HOST ? "" : `container ${place}: `;
    const say = (kind: Difference["kind"], text: string): Difference => ({ place, kind, text: `${where}${text}` });
    if (found === undefined && place !== HOST) return [say("missing", "its network namespace can't be entered")];
    const lacking = inOrder([...(right?.values() ?? [])]).flatMap((object) => {
      const other = found?.get(keyOf(object));
      if (other === undefined) return [say("missing", `${describe(object)} is missing`)];
      if (isSame(object, other)) return [];
      return [say("different", `${describe(other)} is there in place of ${describe(object)}`)];
    });
    const unexpected = inOrder([...(found?.values() ?? [])]).filter((object) => right?.has(keyOf(object)) !== true);
    return [...lacking, ...unexpected.map((object) => say("unexpected", `${describe(object)} should not be there`))];
  });
}

/** An object in words. */
function describe(object: KernelObject): string {
  switch (object.kind) {
    case "bridge":
      return `the bridge ${object.name} with MAC address ${object.mac}`;
    case "vxlan": {
      const { name, bridge, vni, port, local, mtu, settings } = object;
      const tunnel = `VNI ${String(vni)}, port ${String(port)}, local ${local}, MTU ${String(mtu)}`;
      return `the VXLAN device ${name} in bridge ${bridge} (${tunnel}; ${settings})`;
    }
    case "address":
      return `the address ${object.address} of bridge ${object.bridge}`;
    case "hairpin":
      return `the hairpin mode of ${object.port}`;
    case "forward":
      return `the forwarding entry of ${object.mac} on ${object.device} to ${object.underlay}`;
    case "member":
      return `the bridge's entry of ${object.mac} on ${object.device}`;
    case "neighbour":
      return `the neighbour entry of ${object.address} (${object.mac}) on ${object.device}`;
    case "accept": {
      const way = object.direction === "in" ? "into" : "out of";
      return `the IPv${String(object.family)} rule that lets redirected flows ${way} bridge ${object.bridge}`;
    }
    case "table":
      return `the nftables table inet murmur${object.form === "ours" ? "" : ", altered by somebody else,"}`;
    case "element":
      return `the entry ${object.key}${object.value === "" ? "" : ` : ${object.value}`} of ${object.map}`;
    case "chain":
      return `the chain ${object.name} (${choiceWords(object)})`;
    case "rule":
      return `the IPv${String(object.family)} routing rule of mark ${String(object.mark)}`;
    case "route":
      return `the route of table ${String(object.mark)} via ${object.via}`;
    case "exit":
      return `the IPv${String(object.family)} default route via ${object.via}`;
    default:
      return unreachable(object);
  }
}

/** More tasks than this are only counted. */
const LISTED_MAX = 8;

function choiceWords({ choice }: KernelObject & { kind: "chain" }): string {
  switch (choice.kind) {
    case "refuse":
      return "refuses";
    case "foreign":
      return `somebody else's: ${choice.text}`;
    case "redirect": {
      const tasks = [...new Set(choice.slots)];
      const listed = tasks.length > LISTED_MAX ? `${String(tasks.length)} tasks` : tasks.join(" ");
      return `${choice.pick} of ${listed}${choice.port === undefined ? "" : `, port ${String(choice.port)}`}`;
    }
    default:
      return unreachable(choice);
  }
}
