import type { ServiceFlag } from "./flag.ts";
import { CONTAINER_FLAGS } from "./flags/container-flags.ts";
import { DEVICE_FLAGS } from "./flags/device-flags.ts";
import { DNS_FLAGS } from "./flags/dns-flags.ts";
import { GENERAL_FLAGS } from "./flags/general-flags.ts";
import { HEALTH_FLAGS } from "./flags/health-flags.ts";
import { KERNEL_FLAGS } from "./flags/kernel-flags.ts";
import { LOG_FLAGS } from "./flags/log-flags.ts";
import { NETWORK_FLAGS } from "./flags/network-flags.ts";
import { POLICY_FLAGS } from "./flags/policy-flags.ts";
import { PAYLOAD_FLAGS } from "./flags/payload-flags.ts";
import { PLACEMENT_FLAGS } from "./flags/placement-flags.ts";
import { PUBLISH_FLAGS } from "./flags/publish-flags.ts";
import { RESOURCE_FLAGS } from "./flags/resource-flags.ts";
import { RESTART_FLAGS } from "./flags/restart-flags.ts";
import { ROLLBACK_FLAGS, UPDATE_FLAGS } from "./flags/update-flags.ts";

/**
 * Every flag that says what a service is. `create`, `update`, the reference pages and completion are all made from this
 * one table, in which flags are applied in order. Names, defaults and words are Docker's.
 */
export const SERVICE_FLAGS: readonly ServiceFlag[] = [
  ...GENERAL_FLAGS,
  ...NETWORK_FLAGS,
  ...PUBLISH_FLAGS,
  ...RESOURCE_FLAGS,
  ...PLACEMENT_FLAGS,
  ...CONTAINER_FLAGS,
  ...PAYLOAD_FLAGS,
  ...KERNEL_FLAGS,
  ...DEVICE_FLAGS,
  ...DNS_FLAGS,
  ...RESTART_FLAGS,
  ...POLICY_FLAGS,
  ...UPDATE_FLAGS,
  ...ROLLBACK_FLAGS,
  ...HEALTH_FLAGS,
  ...LOG_FLAGS,
];

/** The flags without a value. */
export const SWITCHES: readonly string[] = SERVICE_FLAGS.flatMap(({ kind, name }) => (kind === "switch" ? [name] : []));
