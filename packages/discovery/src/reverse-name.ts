const HEX_GROUP = /^[0-9a-f]{1,4}$/;

/** The name that PTR questions about an address have (RFC 1035, 3.5; RFC 3596, 2.5); undefined for what is no IP address. */
export function reverseName(address: string): string | undefined {
  const four = ipv4Bytes(address);
  if (four !== undefined) return `${four.toReversed().join(".")}.in-addr.arpa`;
  const digits = ipv6Digits(address.toLowerCase());
  return digits && `${digits.split("").toReversed().join(".")}.ip6.arpa`;
}

/** Which record holds an address; undefined for what is no IP address. */
export function addressType(address: string): "A" | "AAAA" | undefined {
  if (ipv4Bytes(address) !== undefined) return "A";
  return ipv6Digits(address.toLowerCase()) === undefined ? undefined : "AAAA";
}

function ipv4Bytes(text: string): readonly number[] | undefined {
  if (!/^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(text)) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** All 32 digits, without colons. */
function ipv6Digits(text: string): string | undefined {
  const [head = "", tail, ...rest] = text.split("::");
  if (rest.length > 0) return undefined;
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  if (left === undefined || right === undefined) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...left, ...Array.from({ length: missing }, () => "0000"), ...right].join("");
}

/** The groups of one side of the `::`, four digits each; the last may be written as an IPv4 address. */
function groupsOf(text: string): readonly string[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const last = ipv4Bytes(parts.at(-1) ?? "");
  if (last !== undefined) {
    const hex = last.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    parts.splice(-1, 1, hex.slice(0, 4), hex.slice(4));
  }
  return parts.every((part) => HEX_GROUP.test(part)) ? parts.map((part) => part.padStart(4, "0")) : undefined;
}
