import { codeOf } from "@murmur/base";
import { nextRoot } from "@murmur/node";
import type { Host } from "../world/host.ts";
import { oneOf, type Fault } from "./fault.ts";

/** Begins a rotation of the cluster's root through a host's manager, in place of one that is under way. */
export async function rotateRoot({ manager, member }: Host, now: number): Promise<void> {
  const cluster = manager?.view.cluster();
  const adapter = member?.cluster();
  if (cluster === undefined || adapter === undefined) return;
  const { version, spec } = cluster;
  const next = await nextRoot(cluster, { given: undefined, now });
  const changed = { ...spec, forceRotate: (spec.forceRotate ?? 0) + 1 };
  const command = { kind: "updateCluster", version, spec: changed, nextRoot: next, now } as const;
  await adapter.submit(command, { signal: new AbortController().signal });
}

/** One root after the other takes the place of the one before; some of them before that one had come to its end. */
export const ROTATE: Fault = {
  name: "rotation of the root",
  perMinute: 12,
  strike({ world, random, say }) {
    const host = oneOf(
      world.running.filter(({ manager }) => manager !== undefined),
      random,
    );
    if (host === undefined) return;
    say(`${host.name} is told to rotate the root`);
    rotateRoot(host, world.clock.now()).catch((error: unknown) =>
      say(`${host.name} did not rotate the root: ${codeOf(error)}`),
    );
  },
};
