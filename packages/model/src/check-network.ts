import { boolean, integer, list, object, oneOf, optional, text, type Check } from "./check.ts";
import type { AddressPool } from "./cluster.ts";
import { labels, objectName } from "./names.ts";
import type { NetworkSpec, SubnetSpec } from "./network.ts";

/** `ADDRESS/LENGTH` of either family; whether its numbers fit is looked at where it is used. */
export const subnet: Check = text({ min: 1, max: 64, pattern: /^[0-9a-fA-F.:]+\/[0-9]{1,3}$/, says: "ADDRESS/LENGTH" });
const ipAddress: Check = text({ min: 1, max: 64, pattern: /^[0-9a-fA-F.:]+$/, says: "an IP address" });

export const dataPlane: Check = oneOf(["ports", "overlay"]);

export const addressPool: Check = object<AddressPool>({ subnet, subnetLength: integer(8, 28) });

export const network: Check = object<NetworkSpec>({
  name: objectName,
  labels,
  attachable: boolean,
  internal: boolean,
  ipv6: optional(boolean),
  subnets: optional(list(object<SubnetSpec>({ subnet, gateway: optional(ipAddress), range: optional(subnet) }), 2)),
  mtu: optional(integer(1_280, 65_465)),
});
