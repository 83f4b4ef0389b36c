import { DNS_ZONE, type Network } from "@murmur/model";
import type { View } from "@murmur/store";
import { GUEST_ALIAS, GUEST_NAMES } from "../workload/guests.ts";
import type { Host } from "../world/host.ts";
import { HOST_ASKER } from "../world/lookup.ts";
import { textsOf } from "./task-places.ts";

/**
 * On every node a container that somebody runs by hand is found by its names, wherever it runs, and by no other name; of one
 * that is gone nothing is left. Found out from the engines alone.
 */
export function unmetGuests(view: View, hosts: readonly Host[]): string[] {
  const networks = view.networks().filter(({ spec, removing }) => spec.attachable && removing !== true);
  return networks.flatMap((network) =>
    [...GUEST_NAMES, GUEST_ALIAS].flatMap((name) => unmetName(name, network, hosts)),
  );
}

function unmetName(name: string, { id, spec }: Network, hosts: readonly Host[]): string[] {
  const wanted = new Set(
    hosts.flatMap(({ engine }) => {
      const bridge = engine.bridges().find(({ labels }) => labels["io.murmur.network"] === id)?.name;
      const guests = engine.guestsByHand().filter(({ network, names }) => network === bridge && names.includes(name));
      return guests.flatMap((guest) => textsOf(guest));
    }),
  );
  const text = `${name}.${spec.name}.${DNS_ZONE}`;
  return hosts.flatMap((host) => {
    const records = (["A", "AAAA"] as const).flatMap((type) => host.names?.ask(text, type, HOST_ASKER).records ?? []);
    const told = new Set(records.map(({ data }) => data));
    if (told.symmetricDifference(wanted).size === 0) return [];
    const [said, meant] = [told, wanted].map((all) => [...all].toSorted().join(" ") || "nothing");
    return [`${host.name} is told that ${text} is ${said ?? ""} in place of ${meant ?? ""}`];
  });
}
