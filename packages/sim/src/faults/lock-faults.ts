import { codeOf } from "@murmur/base";
import { newUnlockKey, type UnlockKey } from "@murmur/identity";
import { UNLOCK_KEY_SEAL_ID } from "@murmur/model";
import type { Host } from "../world/host.ts";
import { chance, oneOf, type Fault } from "./fault.ts";

/** Turns autolock on with this key, gives it another one, or turns it off. */
async function setKey({ manager, member }: Host, key: UnlockKey | undefined, now: number): Promise<void> {
  const cluster = manager?.view.cluster();
  const adapter = member?.cluster();
  if (cluster === undefined || adapter === undefined) return;
  const { version, spec } = cluster;
  const autolock = key !== undefined;
  const sealed = key && { unlockKey: await adapter.seal(Buffer.from(key), UNLOCK_KEY_SEAL_ID) };
  const command = { kind: "updateCluster", version, spec: { ...spec, autolock }, ...sealed, now } as const;
  await adapter.submit(command, { signal: new AbortController().signal });
}

/** What managers keep on their disks is sealed, with one key after the other, and now and then not at all. */
export const LOCK: Fault = {
  name: "autolock",
  perMinute: 20,
  strike({ world, random, say }) {
    const isOn = chance(random, 0.75);
    const host = oneOf(
      world.running.filter(({ manager }) => manager !== undefined),
      random,
    );
    if (host === undefined) return;
    const key = isOn ? newUnlockKey() : undefined;
    // Somebody has noted it, whatever becomes of the request.
    if (key !== undefined) world.unlockKeys.unshift(key);
    say(`${host.name} is told ${isOn ? "another unlock key" : "to lock nothing"}`);
    setKey(host, key, world.clock.now()).catch((error: unknown) =>
      say(`${host.name} did not change the lock: ${codeOf(error)}`),
    );
  },
};
