import { createServer } from "node:net";
import { ClusterError, messageOf } from "@murmur/base";
import { openDatagrams, parseAddress } from "@murmur/transport";
import { silentLog } from "@murmur/base";

/** Whether the peers' port can be bound, TCP and UDP, before anything else is begun. Throws in one line if not. */
export async function checkListenable(address: string): Promise<void> {
  const listen = parseAddress(address);
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      reject(
        new ClusterError(
          "port_conflict",
          `cannot listen on ${address}: ${messageOf(error)}; choose another with --listen-addr`,
        ),
      );
    });
    server.listen({ host: listen.host, port: listen.port, exclusive: true }, () => server.close(() => resolve()));
  });
  const datagrams = await openDatagrams({
    listen,
    log: silentLog,
    seal: (bytes) => bytes,
    open: () => undefined,
    onPacket: () => {},
  });
  await datagrams[Symbol.asyncDispose]();
}
