import {
  NameIndex,
  NO_SUSPECTS,
  resolveName,
  ZONE,
  type NameIndexOptions,
  type Scope,
  type Suspects,
} from "@murmur/discovery";
import type { EndpointTable, Guest } from "@murmur/model";
import { TCP_BYTES_MAX, udpLimit, writeAnswer, type AnswerContent } from "./answer.ts";
import type { Asker, Way } from "./forwarder.ts";
import { FLAG, type DnsQuery, type Refusable } from "./query.ts";
import { RenderedAnswers } from "./rendered-answers.ts";

/** Longer queries are answered, too, but not remembered. */
const KEY_BYTES_MAX = 512;

/** A container on this node: its networks and its stack. */
export type AskerPlace = NonNullable<Scope> & {
  /** It was connected by hand: its namespace has no virtual addresses, so names are answered with their tasks'. */
  readonly isByHand?: true;
  /** `IP` of those that are asked for names that aren't the cluster's; left out: this node's. */
  readonly servers?: readonly string[];
};

/** By the address that they ask from. */
export type Askers = ReadonlyMap<string, AskerPlace>;

/** Worked out once, since it is looked up for each packet. */
interface KnownAsker {
  readonly place: AskerPlace;
  readonly key: string;
}

export interface ClusterNamesOptions extends NameIndexOptions {
  /** Where the rounds begin. */
  readonly firstTurn: number;
  /** Whether other names are asked about elsewhere: answers say so (RA). */
  readonly canRecurse: boolean;
}

/**
 * The cluster's names, from the table of the moment. An answer by UDP is rendered once for each question and turn, and
 * all that was rendered is forgotten with each change of what it was rendered from.
 */
export class ClusterNames {
  readonly #options: ClusterNamesOptions;
  readonly #rendered = new RenderedAnswers();
  /** Undefined until there is a table: then nothing is known, which is not the same as that there is nothing. */
  #index: NameIndex | undefined;
  #table: EndpointTable | undefined;
  #guests: readonly Guest[] = [];
  #suspects: Suspects = NO_SUSPECTS;
  /** By the address, in both ways in which sockets write it. */
  #askers: ReadonlyMap<string, KnownAsker> = new Map();
  #turn: number;

  constructor(options: ClusterNamesOptions) {
    this.#options = options;
    this.#turn = options.firstTurn;
  }

  update(table: EndpointTable): void {
    this.#table = table;
    this.#makeIndex();
  }

  /** All guests of the cluster's networks, of all nodes. */
  meet(guests: readonly Guest[]): void {
    this.#guests = guests;
    this.#makeIndex();
  }

  avoid(suspects: Suspects): void {
    this.#suspects = suspects;
    this.#rendered.clear();
  }

  know(askers: Askers): void {
    const known = new Map<string, KnownAsker>();
    for (const [address, place] of askers) {
      const asker = { place, key: keyOf(place) };
      known.set(address, asker);
      // On a socket of both families an IPv4 address looks like this.
      if (!address.includes(":")) known.set(`::ffff:${address}`, asker);
    }
    this.#askers = known;
    this.#rendered.clear();
  }

  /** The servers that an asker wants to have asked; undefined: this node's. */
  serversOf(address: string): readonly string[] | undefined {
    return this.#placeOf(address)?.servers;
  }

  /** The answer to the very same message, its id aside, when that was answered since the last change. Called for each packet. */
  remembered(message: Buffer, address: string): Buffer | undefined {
    if (message.length > KEY_BYTES_MAX || message.length < 2) return undefined;
    const answer = this.#rendered.get(this.#keyOf(message, address))?.take();
    if (answer === undefined) return undefined;
    // A copy: the kernel may not have taken the last one yet.
    const copy = Buffer.allocUnsafe(answer.length);
    answer.copy(copy, 2, 2);
    copy[0] = message[0] ?? 0;
    copy[1] = message[1] ?? 0;
    return copy;
  }

  /** The answer to what `message` asks; undefined when the name is not the cluster's. */
  answer(query: DnsQuery, message: Buffer, asker: Asker): Buffer | undefined {
    const { way, address } = asker;
    const recursion = this.#options.canRecurse || this.serversOf(address) !== undefined ? FLAG.RA : 0;
    if (this.#index === undefined) {
      return isInZone(query.question.name) ? reply(query, way, { rcode: "SERVFAIL", flags: recursion }) : undefined;
    }
    const key = this.#keyOf(message, address);
    const turn = this.#rendered.get(key)?.turn ?? (this.#turn += 1);
    const scope = this.#placeOf(address);
    const context = { suspects: this.#suspects, turn, scope, isDirect: scope?.isByHand === true };
    const resolution = resolveName(this.#index, query.question, context);
    if (resolution.kind === "outside") return undefined;
    const bytes = reply(query, way, { ...resolution, flags: FLAG.AA | recursion });
    if (way === "udp" && message.length <= KEY_BYTES_MAX)
      this.#rendered.put(key, bytes, { turn, turns: resolution.turns });
    // What is kept is nobody's to change.
    return bytes;
  }

  #makeIndex(): void {
    if (this.#table !== undefined) this.#index = new NameIndex(this.#table, { ...this.#options, guests: this.#guests });
    this.#rendered.clear();
  }

  /** What an answer to a message depends on, apart from the table. */
  #keyOf(message: Buffer, address: string): string {
    const rest = message.toString("latin1", 2);
    const asker = this.#askers.get(address);
    return asker === undefined ? rest : asker.key + rest;
  }

  #placeOf(address: string): AskerPlace | undefined {
    return this.#askers.get(address)?.place;
  }
}

/** All by which the answers to one asker differ from those to another. */
function keyOf({ networks, stack = "", isByHand, servers }: AskerPlace): string {
  return `${networks.join()} ${stack} ${isByHand === true ? "!" : ""}${servers ? "+" : ""}`;
}

function isInZone(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === ZONE || lower.endsWith(`.${ZONE}`);
}

export const reply = (to: Refusable, way: Way, content: AnswerContent): Buffer =>
  writeAnswer(to, content, way === "udp" ? udpLimit(to) : TCP_BYTES_MAX);
