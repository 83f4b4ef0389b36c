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

/** One key of the gossip after the other; a request that comes while one is being replaced is refused. */
export const ROTATE_GOSSIP_KEY: Fault = {
  name: "rotation of the gossip key",
  perMinute: 12,
  strike({ world, random, say }) {
    const host = oneOf(
      world.running.filter(({ manager }) => manager !== undefined),
      random,
    );
    const cluster = host?.member?.cluster();
    if (host === undefined || cluster === undefined) return;
    say(`${host.name} is told to rotate the gossip key`);
    const command = { kind: "rotateGossipKey", next: namedGossipKey(), now: world.clock.now() } as const;
    cluster
      .submit(command, { signal: new AbortController().signal })
      .catch((error: unknown) => say(`${host.name} did not rotate the gossip key: ${codeOf(error)}`));
  },
};

/** The key of secrets is replaced; a request that comes too early is refused. */
export const ROTATE_SEAL_KEY: Fault = {
  name: "rotation of the key of secrets",
  perMinute: 6,
  strike({ world, random, say }) {
    const host = oneOf(
      world.running.filter(({ manager }) => manager !== undefined),
      random,
    );
    const cluster = host?.member?.cluster();
    if (host === undefined || cluster === undefined) return;
    say(`${host.name} is told to rotate the key of secrets`);
    const rotate = async (): Promise<void> => {
      const next = await cluster.newSealKey();
      const command = { kind: "rotateSealKey", next, now: world.clock.now() } as const;
      await cluster.submit(command, { signal: new AbortController().signal });
    };
    rotate().catch((error: unknown) => say(`${host.name} did not rotate the key of secrets: ${codeOf(error)}`));
  },
};
