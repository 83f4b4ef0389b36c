import type { Clock, Log, Random } from "@murmur/base";
import type { Suspects } from "@murmur/discovery";
import type { EndpointTable } from "@murmur/model";
import { DnsServer, type OverlayParts } from "@murmur/network";
import { readAnswer, writeQuestion, type AskedType, type NameAnswer } from "./dns-message.ts";

export interface NamesWorld {
  readonly clock: Clock;
  /** Where the rounds of answers begin. */
  readonly random: Random;
  readonly log: Log;
  /** As in the data plane that it is of. */
  readonly ownAddresses: boolean;
}

/**
 * A node's DNS server without its sockets: what it is told, and what it answers, is the product's own. Nobody is there to be
 * asked about other names.
 */
export class SimulatedNames {
  table: EndpointTable | undefined;
  suspects: Suspects | undefined;
  /** Where it listens for containers. */
  gateways: readonly string[] = [];
  readonly #server: DnsServer;
  /** As a part of the plane. */
  readonly part: OverlayParts["dns"];

  constructor(world: NamesWorld) {
    const server = new DnsServer({ ...world, address: undefined, upstreams: [] });
    this.#server = server;
    this.part = {
      update: (table) => {
        this.table = table;
        server.update(table);
      },
      meet: (guests) => server.meet(guests),
      avoid: (suspects) => {
        this.suspects = suspects;
        server.avoid(suspects);
      },
      know: (askers) => server.know(askers),
      listenAt: (hosts) => void (this.gateways = hosts),
      listeners: () => [],
      retry: async () => {},
      stats: () => server.stats(),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }

  /** What somebody at an address is told. An answer that was cut is asked for again by TCP, as resolvers do. */
  ask(name: string, type: AskedType, from: string): NameAnswer {
    const question = writeQuestion(name, type);
    const answer = this.#answer(question, "udp", from);
    return answer.isTruncated ? this.#answer(question, "tcp", from) : answer;
  }

  #answer(question: Buffer, way: "udp" | "tcp", from: string): NameAnswer {
    const bytes = this.#server.answer(question, way, from);
    if (!Buffer.isBuffer(bytes)) throw new Error("a name server without others to ask answers at once");
    return readAnswer(bytes);
  }
}
