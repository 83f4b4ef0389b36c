import { ClusterError } from "@murmur/base";
import { DEFAULT_ADDRESS_POOL, type AddressPool } from "@murmur/model";
import type { InitRequest } from "../ports.ts";

/** The length of a subnet of a pool, when nobody says another; also what Docker's clients send unasked. */
export const DOCKER_SUBNET_SIZE = 24;
/** What a subnet may be as long as: smaller ones leave no room for tasks beside the nodes' gateways. */
const LENGTH_MAX = 28;
const LENGTH_MIN = 8;

export interface DataPlaneChoice {
  readonly dataPlane: InitRequest["dataPlane"] | undefined;
  /** `ADDRESS/LENGTH` */
  readonly subnet: string | undefined;
  readonly subnetLength: number | undefined;
}

/** The data plane of a new cluster and its pool of addresses. Errors: `invalid_argument`. */
export function toDataPlane(choice: DataPlaneChoice): Pick<InitRequest, "dataPlane" | "addressPool"> {
  const { dataPlane, subnet, subnetLength } = choice;
  const plane = dataPlane === undefined ? {} : { dataPlane };
  if (subnet === undefined && subnetLength === undefined) return plane;
  if (dataPlane !== "overlay") {
    throw invalid("a pool of addresses is for networks of the data plane overlay: ask for that, or leave the pool out");
  }
  const pool = subnet === undefined ? DEFAULT_ADDRESS_POOL.subnet : subnet;
  return { ...plane, addressPool: checked({ subnet: pool, subnetLength: subnetLength ?? DOCKER_SUBNET_SIZE }) };
}

function checked(pool: AddressPool): AddressPool {
  const { subnet, subnetLength } = pool;
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(subnet);
  const [one = 256, two = 256, three = 256, four = 256, length = 33] = match?.slice(1).map(Number) ?? [];
  if (Math.max(one, two, three, four) > 255 || length > 32) {
    throw invalid(`invalid pool of addresses '${subnet}': give an IPv4 subnet such as ${DEFAULT_ADDRESS_POOL.subnet}`);
  }
  const size = 2 ** (32 - length);
  const address = ((one * 256 + two) * 256 + three) * 256 + four;
  if (address % size !== 0) {
    const first = address - (address % size);
    const base = [2 ** 24, 2 ** 16, 2 ** 8, 1].map((unit) => Math.floor(first / unit) % 256).join(".");
    throw invalid(`invalid pool of addresses '${subnet}': it begins with ${base}/${String(length)}`);
  }
  const least = Math.max(length, LENGTH_MIN);
  if (least <= LENGTH_MAX && subnetLength >= least && subnetLength <= LENGTH_MAX) return pool;
  throw invalid(
    least > LENGTH_MAX
      ? `invalid pool of addresses '${subnet}': it holds no subnet of a length up to ${String(LENGTH_MAX)}`
      : `invalid length ${String(subnetLength)} of the subnets of ${subnet}: give ${String(least)} to ${String(LENGTH_MAX)}`,
  );
}

const invalid = (message: string): ClusterError => new ClusterError("invalid_argument", message);
