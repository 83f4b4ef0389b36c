import { formatIpAddress, parseIpAddress, type IpAddress } from "./ip-address.ts";

/** The addresses that begin with the same `length` bits. */
export interface IpBlock {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  readonly length: number;
}

/** The blocks that were read last, at most so many: a cluster has few subnets and looks into them all the time. */
const READ_MAX = 1_024;
const read = new Map<string, IpBlock>();

/** Reads `ADDRESS/LENGTH`; the bits of the address below the length don't matter. Undefined for any other text. */
export function parseIpBlock(text: string): IpBlock | undefined {
  const known = read.get(text);
  if (known !== undefined) return known;
  const block = readIpBlock(text);
  if (block === undefined) return undefined;
  if (read.size >= READ_MAX) read.clear();
  read.set(text, block);
  return block;
}

function readIpBlock(text: string): IpBlock | undefined {
  const [before = "", after = "", ...more] = text.split("/");
  const address = parseIpAddress(before);
  const length = /^(?:0|[1-9][0-9]{0,2})$/.test(after) ? Number(after) : Number.NaN;
  return address === undefined || more.length > 0 ? undefined : blockAround(address, length);
}

/** The block of this length that has the address in it; undefined when there is no such length. */
export function blockAround({ family, value }: IpAddress, length: number): IpBlock | undefined {
  const bits = bitsOf(family);
  if (!(length >= 0 && length <= bits)) return undefined;
  const hostMask = (1n << BigInt(bits - length)) - 1n;
  const first = (value | hostMask) ^ hostMask;
  return { family, first, last: first | hostMask, length };
}

const bitsOf = (family: 4 | 6): 32 | 128 => (family === 4 ? 32 : 128);

export const formatIpBlock = ({ family, first, length }: IpBlock): string =>
  `${formatIpAddress({ family, value: first })}/${length}`;

export const overlaps = (left: IpBlock, right: IpBlock): boolean =>
  left.family === right.family && left.first <= right.last && right.first <= left.last;

export const holdsAddress = (block: IpBlock, { family, value }: IpAddress): boolean =>
  block.family === family && block.first <= value && value <= block.last;
