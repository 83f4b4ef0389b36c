import type { Network, NetworkId } from "@murmur/model";
import type { NetworkOf } from "../docker/attachment.ts";

/** What a record says in JSON, and the networks that went into it. */
interface Known {
  readonly text: string;
  readonly networks: ReadonlyMap<NetworkId, Network | undefined>;
}

/** Characters that are kept: the lists of a cluster of some ten thousand tasks. */
const CHARS_MAX = 16 * 2 ** 20;

/**
 * Records as the JSON text that clients get. Monitors ask for whole lists every few seconds, and hardly a record has changed
 * since: a record never changes, so its text is kept beside it for as long as it lives. When all texts together exceed the
 * limit they are forgotten, and made again when they are asked for.
 */
export class RecordTexts<R extends object> {
  readonly #encode: (record: R, networkOf: NetworkOf) => object;
  readonly #charsMax: number;
  #known = new WeakMap<R, Known>();
  #chars = 0;

  constructor(encode: (record: R, networkOf: NetworkOf) => object, charsMax = CHARS_MAX) {
    this.#encode = encode;
    this.#charsMax = charsMax;
  }

  /** The text of a record whose networks are those that `networkOf` finds now. */
  textOf(record: R, networkOf: NetworkOf): string {
    const known = this.#known.get(record);
    if (known !== undefined && isStill(known, networkOf)) return known.text;
    const networks = new Map<NetworkId, Network | undefined>();
    const text = JSON.stringify(
      this.#encode(record, (id) => {
        const network = networkOf(id);
        networks.set(id, network);
        return network;
      }),
    );
    this.#keep(record, { text, networks });
    return text;
  }

  /** Those that have gone meanwhile stay counted until the next time that all are forgotten. */
  #keep(record: R, known: Known): void {
    this.#chars += known.text.length;
    if (this.#chars > this.#charsMax) {
      this.#known = new WeakMap();
      this.#chars = known.text.length;
    }
    this.#known.set(record, known);
  }
}

function isStill({ networks }: Known, networkOf: NetworkOf): boolean {
  for (const [id, network] of networks) if (networkOf(id) !== network) return false;
  return true;
}
