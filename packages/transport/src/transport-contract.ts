import { callContract } from "./contract-calls.ts";
import { connectionContract } from "./contract-connections.ts";
import { messageContract } from "./contract-messages.ts";
import { streamContract } from "./contract-streams.ts";
import type { TestWorld } from "./test-world.ts";

/** What every `PeerTransport` does, real or simulated. Run by the tests of each adapter. */
export function transportContract(openWorld: () => Promise<TestWorld>): void {
  messageContract(openWorld);
  callContract(openWorld);
  streamContract(openWorld);
  connectionContract(openWorld);
}
