import { problemsOf } from "./check.ts";
import { cluster } from "./check-cluster.ts";
import { addressPool, network as networkRules } from "./check-network.ts";
import { node, taskStatus } from "./check-node.ts";
import { payload } from "./check-payload.ts";
import { service } from "./check-service.ts";
import type { AddressPool, ClusterSpec } from "./cluster.ts";
import { LIMITS } from "./limits.ts";
import type { NetworkSpec } from "./network.ts";
import type { NodeSpec } from "./node.ts";
import type { ConfigSpec, SecretSpec } from "./payload.ts";
import type { ServiceSpec } from "./service-spec.ts";
import type { TaskStatus } from "./task.ts";

/*
 * Each returns the problems of a spec, one line each, `field: what is allowed`; none when it is right. They are total:
 * whatever is given, also what only claims to have the type. `apply` refuses what they refuse, on every replica, so a
 * rule may only change together with the version that the cluster speaks.
 */

export const validateServiceSpec = (spec: ServiceSpec): readonly string[] =>
  problemsOf(service, spec, LIMITS.specBytes);

export const validateNodeSpec = (spec: NodeSpec): readonly string[] => problemsOf(node, spec, LIMITS.specBytes);

export const validateClusterSpec = (spec: ClusterSpec): readonly string[] =>
  problemsOf(cluster, spec, LIMITS.specBytes);

export const validateNetworkSpec = (spec: NetworkSpec): readonly string[] =>
  problemsOf(networkRules, spec, LIMITS.specBytes);

export const validateAddressPool = (pool: AddressPool): readonly string[] =>
  problemsOf(addressPool, pool, LIMITS.specBytes);

export const validateSecretSpec = (spec: SecretSpec): readonly string[] => problemsOf(payload, spec, LIMITS.specBytes);

export const validateConfigSpec = (spec: ConfigSpec): readonly string[] => problemsOf(payload, spec, LIMITS.specBytes);

export const validateTaskStatus = (status: TaskStatus): readonly string[] =>
  problemsOf(taskStatus, status, LIMITS.specBytes);
