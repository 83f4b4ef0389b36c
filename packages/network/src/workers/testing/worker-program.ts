/** A worker as the daemon's, for tests: `node worker-program.ts NODE ADDRESS`. */
import { nodeId, SeededRandom, type Clock } from "@murmur/base";
import { runProxyWorker } from "../proxy-worker.ts";

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
const [, , self = "", publishAddress = ""] = process.argv;
await runProxyWorker({ self: nodeId(self), publishAddress, clock, random: new SeededRandom(1) }, process);
process.exit(0);
