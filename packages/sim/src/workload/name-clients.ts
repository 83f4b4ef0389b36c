import type { Millis, Random } from "@murmur/base";
import { DNS_ZONE, type NetworkEntry, type ServiceEndpoints } from "@murmur/model";
import { between, chance, logBetween, oneOf } from "../faults/fault.ts";
import type { AskedType } from "../world/dns-message.ts";
import type { Host } from "../world/host.ts";
import { HOST_ASKER, type Lookup } from "../world/lookup.ts";
import { randomFor, type World } from "../world/world.ts";

/** An answer that is longer in use than this is forgotten by everybody. */
const KEPT_MAX = 64;

interface Kept {
  readonly host: Host;
  readonly lookup: Lookup;
  readonly until: Millis;
}

/** Programs on hosts and in their containers that find services by name, and keep each answer as long as it says. */
export class NameClients {
  readonly #world: World;
  readonly #random: Random;
  #kept: readonly Kept[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#random = randomFor(world.seed, "name clients");
  }

  async keepGoing(isOver: () => boolean): Promise<void> {
    const meanMs = logBetween(this.#random, 100, 1_000);
    while (!isOver()) {
      this.#act();
      const pauseMs = between(this.#random, 0, 2 * meanMs);
      await new Promise<void>((resolve) => void this.#world.clock.setTimer(pauseMs, resolve));
    }
  }

  /** Sends to something that was looked up, and looks something up. */
  #act(): void {
    const now = this.#world.queue.now;
    const over = this.#kept.filter(({ until }) => until <= now);
    this.#kept = this.#kept.filter(({ until }) => now < until).slice(-KEPT_MAX);
    for (const { host, lookup } of this.#kept) this.#world.tell((observer) => observer.used?.(host, lookup));
    const last = oneOf(over, this.#random);
    const host = last?.host ?? oneOf(this.#world.running, this.#random);
    if (host?.life?.process.heeds !== true) return;
    const lookup = (last && this.#askAgain(last)) ?? this.#ask(host);
    if (lookup === undefined) return;
    this.#world.tell((observer) => observer.named?.(host, lookup));
    const ttls = lookup.answer.records.map(({ ttlS }) => ttlS);
    if (ttls.length > 0) this.#kept = [...this.#kept, { host, lookup, until: now + Math.min(...ttls) * 1_000 }];
  }

  /** Undefined where the process of then is gone. */
  #askAgain({ host, lookup }: Kept): Lookup | undefined {
    const { names, name, type, from } = lookup;
    if (host.names !== names) return undefined;
    return { ...lookup, answer: names.ask(name, type, from), at: this.#world.queue.now };
  }

  /** Undefined where there is nobody to ask, or nothing to ask for. */
  #ask({ names, member }: Host): Lookup | undefined {
    const table = names?.table;
    if (names === undefined || table === undefined) return undefined;
    const service = oneOf(table.services, this.#random);
    const joined = oneOf(service?.networks ?? [], this.#random);
    const network = table.networks.find(({ id }) => id === joined?.networkId);
    // The name of a network that is being removed means nothing, or another one.
    if (service === undefined || network === undefined || network.removing === true) return undefined;
    const own = service.attached?.filter(({ nodeId }) => nodeId === member?.identity.nodeId) ?? [];
    const place = oneOf(own, this.#random)?.addresses.find(({ networkId }) => networkId === network.id);
    const from = place !== undefined && chance(this.#random, 0.5) ? place.ipv4 : HOST_ASKER;
    const { by, label, type } = this.#question(service, network);
    const name = `${label}.${network.name}.${DNS_ZONE}`;
    const answer = names.ask(name, type, from);
    return {
      names,
      service: service.name,
      networkId: network.id,
      by,
      name,
      type,
      from,
      answer,
      at: this.#world.queue.now,
    };
  }

  #question(
    { name, endpoints, published }: ServiceEndpoints,
    { addressing }: NetworkEntry,
  ): { readonly by: Lookup["by"]; readonly label: string; readonly type: AskedType } {
    const type = addressing?.ipv6 !== undefined && chance(this.#random, 0.5) ? "AAAA" : "A";
    const dice = this.#random.below(4);
    if (dice === 0) return { by: "service", label: name, type };
    const slot = oneOf(endpoints, this.#random)?.slot ?? 0;
    if (dice === 1 && slot > 0) return { by: "tasks", label: `${String(slot)}.${name}`, type };
    const port = oneOf(published, this.#random);
    if (dice === 2 && port !== undefined)
      return { by: "tasks", label: `_${String(port.targetPort)}._${port.protocol}.${name}`, type: "SRV" };
    return { by: "tasks", label: `tasks.${name}`, type };
  }
}
