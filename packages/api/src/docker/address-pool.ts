import { ClusterError } from "@murmur/base";
import { DEFAULT_ADDRESS_POOL, validateAddressPool, type AddressPool } from "@murmur/model";
import type { InitRequest } from "../ports.ts";

/** The length of a subnet of a pool, when nobody says another; also what Docker's clients send unasked. */
export const DOCKER_SUBNET_SIZE = 24;

export interface DataPlaneChoice {
  readonly dataPlane: InitRequest["dataPlane"] | undefined;
  /** `ADDRESS/LENGTH` each */
  readonly subnets: readonly string[];
  readonly subnetLength: number | undefined;
}

/**
 * The data plane of a new cluster and its pool of addresses. A pool alone asks for the overlay: only there networks have
 * addresses. Errors: `invalid_argument`.
 */
export function toDataPlane(choice: DataPlaneChoice): Pick<InitRequest, "dataPlane" | "addressPool"> {
  const { dataPlane, subnets, subnetLength } = choice;
  const plane = dataPlane === undefined ? {} : { dataPlane };
  if (subnets.length === 0 && subnetLength === undefined) return plane;
  if (dataPlane === "ports") {
    throw invalid("a pool of addresses is for networks of the data plane overlay: ask for that, or leave the pool out");
  }
  const [subnet = DEFAULT_ADDRESS_POOL.subnet, ...further] = subnets;
  const pool = { subnet, ...(further.length > 0 && { further }), subnetLength: subnetLength ?? DOCKER_SUBNET_SIZE };
  return { dataPlane: "overlay", addressPool: checked(pool) };
}

function checked(pool: AddressPool): AddressPool {
  const problems = validateAddressPool(pool);
  if (problems.length > 0) throw invalid(`invalid pool of addresses: ${problems.join("; ")}`);
  return pool;
}

const invalid = (message: string): ClusterError => new ClusterError("invalid_argument", message);
