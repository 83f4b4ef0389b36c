/**
 * A program for one host's namespace of the tests: the overlay plane as a daemon there would have it. It ends when its input
 * does, and leaves the kernel as it is; each line of its input is a request, each of its output the answer.
 */
import { createInterface } from "node:readline";
import { ClusterError, messageOf, nodeId, SeededRandom, silentLog, type Clock, type Log } from "@murmur/base";
import type { ClusterFacts, EndpointTable, TaskId } from "@murmur/model";
import type { Difference } from "../../data-plane.ts";
import { openOverlayPlane } from "../../overlay-plane.ts";
import type { Attachment } from "../plane-port.ts";

export type PlaneRequest =
  | { readonly kind: "update"; readonly table: EndpointTable }
  | { readonly kind: "facts"; readonly facts: ClusterFacts }
  | { readonly kind: "withdraw"; readonly tasks: readonly TaskId[] }
  | { readonly kind: "attach"; readonly task: TaskId; readonly container: Attachment }
  | { readonly kind: "detach"; readonly task: TaskId }
  | { readonly kind: "check" | "repair" };

export interface PlaneAnswer {
  readonly error?: string;
  readonly differences?: readonly Difference[];
}

/** What the plane does by itself each half minute would mend what a test has just broken: the clock never comes to that. */
const NEVER_MS = 30_000;
const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    if (delayMs >= NEVER_MS) return { cancel: () => {} };
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** What the plane has complained of since it was told something. */
let complaints: string[] = [];
const log: Log = {
  ...silentLog,
  error: (message, fields) => void complaints.push(`${message}: ${JSON.stringify(fields)}`),
};

const [self = "", underlay = ""] = process.argv.slice(2);
const plane = await openOverlayPlane({
  self: nodeId(self),
  underlay,
  publishAddress: "0.0.0.0",
  dnsAddress: undefined,
  upstreams: ["192.0.2.1"],
  bridges: { ensure: () => Promise.reject(new ClusterError("unavailable", "there is no engine here")) },
  clock,
  random: new SeededRandom(1),
  log,
});

/** Nothing of a former process is waited for. */
plane.expect([]);

/**
 * Tells the plane something, and waits until it is rendered: a rendering that was under way before doesn't have it. One that
 * goes wrong is an error, although the plane mends it by itself.
 */
async function told(tell: () => void): Promise<PlaneAnswer> {
  complaints = [];
  tell();
  for (const end = performance.now() + 60_000; ;) {
    try {
      await plane.settled();
      return complaints.length === 0 ? {} : { error: complaints.join("; ") };
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

async function answer(request: PlaneRequest): Promise<PlaneAnswer> {
  switch (request.kind) {
    case "update":
      return told(() => plane.update(request.table));
    case "facts":
      // Rendered with the table: before that it is nothing, and nobody waits for it.
      plane.facts(request.facts);
      return {};
    case "withdraw":
      return told(() => plane.avoid({ withdrawn: new Set(request.tasks), deadNodes: new Set() }));
    case "attach":
      await plane.attach(request.task, request.container, { signal: AbortSignal.timeout(60_000) });
      return {};
    case "detach":
      return told(() => plane.detach(request.task));
    case "check":
      return { differences: await plane.check() };
    case "repair":
      return { differences: await plane.repair() };
  }
}

console.log("{}");
for await (const line of createInterface({ input: process.stdin })) {
  const result = await answer(JSON.parse(line) as PlaneRequest).catch((error: unknown) => ({
    error: messageOf(error),
  }));
  console.log(JSON.stringify(result));
}
await plane[Symbol.asyncDispose]();
process.exit();
