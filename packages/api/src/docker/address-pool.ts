import { ClusterError } from "@murmur/base";
import { DEFAULT_ADDRESS_POOL, validateAddressPool, type AddressPool } from "@murmur/model";
import type { InitRequest } from "../ports.ts";

/** The length of a subnet of a pool, when nobody says another; also what Docker's clients send unasked. */
export const DOCKER_SUBNET_SIZE = 24;

export interface DataPlaneChoice {
  readonly dataPlane: InitRequest["dataPlane"] | undefined;
  /** `ADDRESS/LENGTH` */
  readonly subnet: string | undefined;
  readonly subnetLength: number | undefined;
}

/**
 * The data plane of a new cluster and its pool of addresses. A pool alone asks for the overlay: only there networks have
 * addresses. Errors: `invalid_argument`.
 */
export function toDataPlane(choice: DataPlaneChoice): Pick<InitRequest, "dataPlane" | "addressPool"> {
  const { dataPlane, subnet, subnetLength } = choice;
  const plane = dataPlane === undefined ? {} : { dataPlane };
  if (subnet === undefined && subnetLength === undefined) return plane;
  if (dataPlane === "ports") {
    throw invalid("a pool of addresses is for networks of the data plane overlay: ask for that, or leave the pool out");
  }
  const pool = subnet ?? DEFAULT_ADDRESS_POOL.subnet;
  return {
    dataPlane: "overlay",
    addressPool: checked({ subnet: pool, subnetLength: subnetLength ?? DOCKER_SUBNET_SIZE }),
  };
}

function checked(pool: AddressPool): AddressPool {
  const problems = validateAddressPool(pool);
  if (problems.length > 0) throw invalid(`invalid pool of addresses: ${problems.join("; ")}`);
  return pool;
}

const invalid = (message: string): ClusterError => new ClusterError("invalid_argument", message);
