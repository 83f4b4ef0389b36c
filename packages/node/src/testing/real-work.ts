import { createHook } from "node:async_hooks";
import { createCa } from "@murmur/identity";

/*
 * Keys and certificates are made by the system's crypto, on threads of its own and in real time. Simulated time stands
 * still meanwhile, so that the same seed always gives the same run.
 */
let underWay = 0;
const keysUnderWay = new Set<number>();

const METHODS = ["importKey", "exportKey", "sign", "verify", "digest"] as const;
for (const name of METHODS) {
  const original: unknown = Reflect.get(crypto.subtle, name);
  if (typeof original !== "function") throw new Error(`crypto.subtle has no ${name}`);
  Object.defineProperty(crypto.subtle, name, {
    value: async (...parameters: unknown[]): Promise<unknown> => {
      underWay += 1;
      try {
        return await Reflect.apply(original, crypto.subtle, parameters);
      } finally {
        underWay -= 1;
      }
    },
  });
}
createHook({
  trackPromises: false,
  init(id, type) {
    if (type === "KEYPAIRGENREQUEST") keysUnderWay.add(id);
  },
  after: (id) => void keysUnderWay.delete(id),
}).enable();

// Loads what is loaded at the first use.
await createCa({ clusterId: "warm-up", now: 0 });

/** Lets all resolved promises run on, and waits for whatever the system's crypto is doing. */
export async function quiet(): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (underWay + keysUnderWay.size > 0);
}
