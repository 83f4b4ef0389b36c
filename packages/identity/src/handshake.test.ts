import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { NODE_VALIDITY_MS, peerName, type Ca } from "./ca.ts";
import { CLUSTER, identityOf, newCa, NODE_A, NODE_B } from "./fixtures.ts";
import type { NodeIdentity } from "./node-identity.ts";
import { verifyPeer } from "./verify-peer.ts";

let ca: Ca;
beforeAll(async () => {
  ca = await newCa();
});

const credentials = ({ keyPem, certificatePem, caPem }: NodeIdentity) =>
  ({ key: keyPem, cert: certificatePem, ca: caPem, minVersion: "TLSv1.3" }) as const;

/** Connects two nodes over real TLS, each requiring the other's certificate; resolves with whom each one sees. */
async function handshake(server: NodeIdentity, client: NodeIdentity): Promise<{ server: string; client: string }> {
  const listener = createServer({ ...credentials(server), requestCert: true, rejectUnauthorized: true });
  // The client leaves as soon as both know: what the server still writes may be answered with a reset.
  listener.on("secureConnection", (socket) => socket.on("error", () => {}));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const accepted = Promise.race([
    once(listener, "secureConnection").then(([socket]) => socket as TLSSocket),
    once(listener, "tlsClientError").then(([error]) => Promise.reject(error as Error)),
  ]);
  const socket = connect({ port, host: "127.0.0.1", servername: peerName(server.nodeId), ...credentials(client) });
  try {
    const [atServer] = await Promise.all([accepted, once(socket, "secureConnect")]);
    const seen = (peer: TLSSocket, { caPem, clusterId }: NodeIdentity): string =>
      verifyPeer(peer.getPeerCertificate().raw, { caPem, clusterId, now: Date.now() });
    return { server: seen(socket, client), client: seen(atServer, server) };
  } finally {
    socket.destroy();
    listener.close();
  }
}

describe("a TLS handshake between nodes", () => {
  it("succeeds, and each knows the other", async () => {
    const [a, b] = [await identityOf(ca), await identityOf(ca, { nodeId: NODE_B })];
    expect(await handshake(a, b)).toEqual({ server: NODE_A, client: NODE_B });
  });

  it("fails for a client of a foreign authority", async () => {
    const foreign = await newCa();
    const intruder = { ...(await identityOf(foreign, { nodeId: NODE_B })), caPem: ca.certificatePem };
    await expect(handshake(await identityOf(ca), intruder)).rejects.toThrow();
  });

  it("fails for a server of a foreign authority", async () => {
    const intruder = { ...(await identityOf(await newCa())), caPem: ca.certificatePem };
    await expect(handshake(intruder, await identityOf(ca, { nodeId: NODE_B }))).rejects.toThrow();
  });

  it("fails for an expired certificate", async () => {
    const expired = await identityOf(ca, { nodeId: NODE_B, now: Date.now() - NODE_VALIDITY_MS - 1000 });
    await expect(handshake(await identityOf(ca), expired)).rejects.toThrow();
  });

  it("refuses another cluster's node, also when the same authority signed it", async () => {
    const other = await identityOf(ca, { nodeId: NODE_B, clusterId: "d".repeat(25) });
    await expect(handshake(await identityOf(ca), { ...other, clusterId: CLUSTER })).rejects.toThrow("another cluster");
  });
});
