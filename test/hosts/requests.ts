import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Host } from "./host.ts";

/** One HTTP request from this machine to a published port of a host, on a connection of its own; fails after 20 s. */
export async function ask(host: Host, port: number): Promise<string> {
  const response = await fetch(`http://${host.address}:${String(port)}/`, {
    headers: { connection: "close" },
    signal: AbortSignal.timeout(20_000),
  });
  return (await response.text()).trim();
}

/** One datagram from this machine to a published port of a host, and what came back. */
export async function echo(host: Host, port: number, text: string): Promise<string> {
  const socket = createSocket("udp4");
  try {
    socket.send(text, port, host.address);
    const [bytes] = (await once(socket, "message", { signal: AbortSignal.timeout(5_000) })) as [Buffer];
    return bytes.toString();
  } finally {
    socket.close();
  }
}
