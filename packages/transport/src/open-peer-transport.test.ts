import { describe } from "vitest";
import { TlsTestWorld } from "./tls-test-world.ts";
import { transportContract } from "./transport-contract.ts";

describe("openPeerTransport", () => {
  transportContract(() => TlsTestWorld.open());
});
