import { createCa, cryptoUnderWay } from "@murmur/identity";

// Loads what is loaded at the first use.
await createCa({ clusterId: "warm-up", now: 0 });

/** Lets all resolved promises run on, and waits for whatever the system's crypto is doing in real time. */
export async function quiet(): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (cryptoUnderWay() > 0);
}
