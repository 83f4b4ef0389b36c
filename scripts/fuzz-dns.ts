/**
 * Gives damaged messages to the DNS server's parsers: `node scripts/fuzz-dns.ts [--messages N] [--seed N]`. Ends with an
 * error at the first that makes one of them err, or when the memory in use has grown; a message that did goes into
 * packages/network/src/dns/testing/corpus.txt.
 */
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SeededRandom } from "@murmur/base";
import { corpus, DnsFuzz, mutated } from "../packages/network/src/dns/testing/fuzz.ts";

const ROUND = 100_000;
/** What the server may remember, and some more for the runtime itself. */
const GROWTH_MB_MAX = 48;

const { values } = parseArgs({ options: { messages: { type: "string" }, seed: { type: "string" } } });
const messages = Number(values.messages ?? 5_000_000);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const random = new SeededRandom(seed);
const fuzz = new DnsFuzz(seed);
const seeds = corpus();
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function usedMb(): number {
  // What the first one finds free is counted as free by the second.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1024 ** 2;
}

const start = performance.now();
const firstMb = usedMb();
let mostMb = firstMb;
for (let done = 0; done < messages; done += ROUND) {
  for (let count = 0; count < ROUND; count += 1) fuzz.try(mutated(seeds, random));
  mostMb = Math.max(mostMb, usedMb());
  if (mostMb - firstMb > GROWTH_MB_MAX) throw new Error(`memory grew from ${String(firstMb)} to ${String(mostMb)} MiB`);
}
const seconds = ((performance.now() - start) / 1_000).toFixed(0);
console.log(
  `${String(messages)} messages, seed ${String(seed)}, ${seconds} s: no error; memory ${firstMb.toFixed(0)} to at most ${mostMb.toFixed(0)} MiB`,
);
