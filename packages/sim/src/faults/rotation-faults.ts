import { codeOf } from "@murmur/base";
import { namedGossipKey } from "@murmur/identity";
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

/** A manager, by chance, is told to replace something; it may refuse. */
function rotation(what: string, perMinute: number, rotate: (host: Host, now: () => number) => Promise<void>): Fault {
  return {
    name: `rotation of ${what}`,
    perMinute,
    strike({ world, random, say }) {
      const managers = world.running.filter(({ manager }) => manager !== undefined);
      const host = oneOf(managers, random);
      if (host?.member?.cluster() === undefined) return;
      say(`${host.name} is told to rotate ${what}`);
      rotate(host, () => world.clock.now()).catch((error: unknown) =>
        say(`${host.name} did not rotate ${what}: ${codeOf(error)}`),
      );
    },
  };
}

const { signal } = new AbortController();

/** One root after the other takes the place of the one before; some of them before that one had come to its end. */
export const ROTATE: Fault = rotation("the root", 12, (host, now) => rotateRoot(host, now()));

/** One key of the gossip after the other; a request that comes while one is being replaced is refused. */
export const ROTATE_GOSSIP_KEY: Fault = rotation("the gossip key", 12, async ({ member }, now) => {
  await member?.cluster()?.submit({ kind: "rotateGossipKey", next: namedGossipKey(), now: now() }, { signal });
});

/** The key of secrets is replaced; a request that comes too early is refused. */
export const ROTATE_SEAL_KEY: Fault = rotation("the key of secrets", 6, async ({ member }, now) => {
  const cluster = member?.cluster();
  const next = await cluster?.newSealKey();
  if (next !== undefined) await cluster?.submit({ kind: "rotateSealKey", next, now: now() }, { signal });
});
