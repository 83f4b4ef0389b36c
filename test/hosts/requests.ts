import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Host } from "./host.ts";
import { afterRunning } from "./running-time.ts";

/**
 * One HTTP request from this machine to a published port of a host, on a connection of its own; fails after 5 s, as one does
 * that goes where nobody is.
 */
export async function ask(host: Host, port: number): Promise<string> {
  using signal = afterRunning(5_000);
  const response = await fetch(`http://${host.address}:${String(port)}/`, { headers: { connection: "close" }, signal });
  return (await response.text()).trim();
}

/** One datagram from this machine to a published port of a host, and what came back within 2 s. */
export async function echo(host: Host, port: number, text: string): Promise<string> {
  const socket = createSocket("udp4");
  try {
    using signal = afterRunning(2_000);
    socket.send(text, port, host.address);
    const [bytes] = (await once(socket, "message", { signal })) as [Buffer];
    return bytes.toString();
  } finally {
    socket.close();
  }
}
