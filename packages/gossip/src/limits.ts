/** The largest datagram, before sealing: with seal and headers it stays below IPv6's smallest MTU of 1,280 bytes. */
export const DATAGRAM_BYTES_MAX = 1_200;
/** Opaque bytes that a member says about itself. */
export const META_BYTES_MAX = 512;
/** Opaque bytes of one publication. */
export const PAYLOAD_BYTES_MAX = 512;
/** Characters of a publication's key. */
export const KEY_LENGTH_MAX = 128;
/** Characters of a node's id; real ones have 25. */
export const ID_LENGTH_MAX = 64;
/** Characters of an address, a host name's limit and a port. */
export const ADDRESS_LENGTH_MAX = 255;
/** Incarnations, sequence numbers and ages: 48 bits. */
export const COUNTER_MAX = 2 ** 48 - 1;

/** Whether a text can be sent: 1 to `lengthMax` printable ASCII characters without spaces. */
export function isWireText(text: string, lengthMax: number): boolean {
  return text.length <= lengthMax && /^[\x21-\x7e]+$/.test(text);
}
