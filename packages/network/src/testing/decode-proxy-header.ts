/** What a PROXY header of version 2 said, read as a receiver reads it: nothing is shared with the one that writes. */
export interface DecodedHeader {
  readonly family: "IPv4" | "IPv6";
  readonly source: string;
  readonly destination: string;
  /** What came after it. */
  readonly rest: string;
}

export function decodeProxyHeader(bytes: Buffer): DecodedHeader {
  if (bytes.toString("latin1", 0, 12) !== "\r\n\r\n\0\r\nQUIT\n") throw new Error("no signature");
  const [versionAndCommand = 0, familyAndTransport = 0] = bytes.subarray(12, 14);
  if (versionAndCommand >> 4 !== 2 || (versionAndCommand & 15) !== 1) throw new Error("neither version 2 nor PROXY");
  if ((familyAndTransport & 15) !== 1) throw new Error("no stream");
  const length = bytes.readUInt16BE(14);
  const isIpv4 = familyAndTransport >> 4 === 1;
  if (!isIpv4 && familyAndTransport >> 4 !== 2) throw new Error("an unknown family");
  if (length !== (isIpv4 ? 12 : 36)) throw new Error(`${String(length)} bytes of addresses`);
  const size = isIpv4 ? 4 : 16;
  const address = (at: number): string => {
    const part = bytes.subarray(at, at + size);
    if (isIpv4) return [...part].join(".");
    const groups = part.toString("hex").match(/.{4}/g) ?? [];
    return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
  };
  return {
    family: isIpv4 ? "IPv4" : "IPv6",
    source: `${address(16)} ${String(bytes.readUInt16BE(16 + 2 * size))}`,
    destination: `${address(16 + size)} ${String(bytes.readUInt16BE(18 + 2 * size))}`,
    rest: bytes.toString("utf8", 16 + length),
  };
}
