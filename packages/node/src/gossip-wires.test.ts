import { ManualClock, nodeId, SeededRandom, silentLog, type NodeId } from "@murmur/base";
import { MemoryNetwork, type PeerTransport } from "@murmur/transport";
import { expect, it } from "vitest";
import { reliableChannel } from "./gossip-wires.ts";

const [A, B] = [nodeId("a".repeat(25)), nodeId("b".repeat(25))];

it("answers a node that has come back elsewhere over the connection that it made", async () => {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, random: new SeededRandom(1) });
  const open = (id: NodeId, address: string, known: string): PeerTransport =>
    network.openPeerTransport({ nodeId: id, address, addressOf: () => known, log: silentLog });
  await using stays = open(A, "10.0.0.1:1", "10.0.0.2:1");
  await using moved = open(B, "10.9.9.9:1", "10.0.0.1:1");
  const heard: string[] = [];
  const channels = [stays, moved].map((transport) => reliableChannel(transport, () => undefined));
  const [atStays, atMoved] = channels;
  for (const channel of channels) channel.onDelivery((bytes) => heard.push(String(bytes[0])));
  const { signal } = new AbortController();
  const deliver = async (
    from: (typeof channels)[number] | undefined,
    nodeIdOf: NodeId | undefined,
  ): Promise<string> => {
    const bytes = Uint8Array.of(heard.length + 1);
    const done = from?.deliver({ address: "10.0.0.2:1", nodeId: nodeIdOf }, bytes, { signal }).then(
      () => "delivered",
      (error: unknown) => String(error),
    );
    await clock.advance(5_000);
    return done ?? "nobody";
  };
  expect(await deliver(atStays, undefined)).toContain("nobody is known to be at 10.0.0.2:1");
  expect(await deliver(atStays, B)).toContain("cannot reach 10.0.0.2:1");
  expect(await deliver(atMoved, A)).toBe("delivered");
  expect(await deliver(atStays, B)).toBe("delivered");
  expect(heard).toEqual(["1", "2"]);
});
