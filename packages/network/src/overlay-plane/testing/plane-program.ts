/**
 * A program for one host's namespace of the tests: the overlay plane as a daemon there would have it. It ends when its input
 * does, and leaves the kernel as it is; each line of its input is a request, each of its output the answer.
 */
import { createInterface } from "node:readline";
import { ClusterError, messageOf, nodeId, SeededRandom, silentLog, type Clock } from "@murmur/base";
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

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
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
  log: silentLog,
});

/** Tells the plane something, and waits until it has rendered since. */
async function told(tell: () => void): Promise<PlaneAnswer> {
  const renders = (): number => plane.stats().overlay?.renders ?? 0;
  const before = renders();
  tell();
  while (renders() === before) await new Promise((resolve) => setTimeout(resolve, 5));
  return {};
}

async function answer(request: PlaneRequest): Promise<PlaneAnswer> {
  switch (request.kind) {
    case "update":
      return told(() => plane.update(request.table));
    case "facts":
      return told(() => plane.facts(request.facts));
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
