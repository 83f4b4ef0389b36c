import { sleep, type Clock, type Millis, type Scope } from "@murmur/base";
import { FIRST_GENERATION } from "./generation.ts";

/** What a node tells of itself by gossip, beside its address. */
export interface SelfDescription {
  /** The number of the generation that it is in. */
  readonly generation: number;
  /**
   * Whether it has a manager that takes part, as far as it knows itself. Whoever was away while all managers changed
   * finds the new ones by it; one that was taken out and hasn't heard of that may say so, too.
   */
  readonly manager: boolean;
}

const NUMBER_BYTES = 8;
/** The byte behind the number is this for a manager. */
const MANAGER = 1;

/** A worker in the first generation, which most nodes are, has nothing to say. */
export function encodeDescription({ generation, manager }: SelfDescription): Uint8Array {
  if (generation === FIRST_GENERATION && !manager) return new Uint8Array();
  const bytes = new Uint8Array(NUMBER_BYTES + (manager ? 1 : 0));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(generation));
  if (manager) bytes[NUMBER_BYTES] = MANAGER;
  return bytes;
}

/** Reads what any version of this software says; what is too short or unknown to this one counts as nothing. */
export function decodeDescription(bytes: Uint8Array): SelfDescription {
  if (bytes.byteLength < NUMBER_BYTES) return { generation: FIRST_GENERATION, manager: false };
  const generation = Number(new DataView(bytes.buffer, bytes.byteOffset, NUMBER_BYTES).getBigUint64(0));
  return { generation, manager: bytes[NUMBER_BYTES] === MANAGER };
}

/** How often a node looks whether it has become something else: the others are told so much later at most. */
const LOOK_MS: Millis = 1_000;

/**
 * Tells what a node says of itself whenever that has changed, until the scope ends. At first the others believe it to
 * be `told`. Returns what makes it look at once.
 */
export function keepDescribed(
  options: {
    readonly told: SelfDescription;
    readonly present: () => SelfDescription;
    readonly tell: (meta: Uint8Array) => void;
    readonly clock: Clock;
  },
  scope: Scope,
): () => void {
  const { present, tell, clock } = options;
  let { told } = options;
  const look = (): void => {
    const { generation, manager } = present();
    if (generation === told.generation && manager === told.manager) return;
    told = { generation, manager };
    tell(encodeDescription(told));
  };
  scope.run("self-description", async (signal) => {
    for (;;) {
      await sleep(clock, LOOK_MS, signal);
      look();
    }
  });
  return look;
}
