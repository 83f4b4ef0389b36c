import { isIPv4 } from "node:net";
import { assert } from "@murmur/base";
import { ipBytes, type IpPort } from "./ip-address.ts";

/** "\r\n\r\n\0\r\nQUIT\n": no other protocol begins so, and most break at it at once. */
const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
/** Version 2, for a connection that is somebody else's. */
const PROXY = 0x21;
const TCP = { 4: 0x11, 6: 0x21 } as const;

/**
 * The PROXY protocol's header of version 2 (haproxy, `doc/proxy-protocol.txt`, section 2.2) for a TCP connection: who made
 * it, and the address and port that it was made to. Both have the same family, as on any socket.
 */
export function proxyHeader(source: IpPort, destination: IpPort): Buffer {
  const [from, to] = [bytesOf(source.host), bytesOf(destination.host)];
  assert(from.length === to.length, "a connection has one family");
  const header = Buffer.alloc(16 + 2 * from.length + 4);
  SIGNATURE.copy(header);
  header[12] = PROXY;
  header[13] = from.length === 4 ? TCP[4] : TCP[6];
  header.writeUInt16BE(header.length - 16, 14);
  header.set(from, 16);
  header.set(to, 16 + from.length);
  header.writeUInt16BE(source.port, header.length - 4);
  header.writeUInt16BE(destination.port, header.length - 2);
  return header;
}

/** What a socket for both families calls `::ffff:10.0.0.1` is `10.0.0.1`; a zone is this machine's own affair. */
export function plainAddress(address: string): string {
  const [text = ""] = address.split("%");
  const inner = text.toLowerCase().startsWith("::ffff:") ? text.slice(7) : "";
  return isIPv4(inner) ? inner : text;
}

function bytesOf(host: string): readonly number[] {
  const bytes = ipBytes(plainAddress(host));
  assert(bytes !== undefined, "a socket's address is an IP address");
  return bytes;
}
