import type {
  ContainerSpec,
  EndpointSpec,
  HealthConfig,
  Placement,
  ResourceRequirements,
  Resources,
  RestartPolicy,
  ServiceSpec,
} from "@murmur/api";

/*
 * The parts of a spec that is being written. One that isn't there yet is made, so that a flag only sets its own field.
 */
export const containerOf = (spec: ServiceSpec): ContainerSpec => spec.TaskTemplate.ContainerSpec;
export const resourcesOf = (spec: ServiceSpec): ResourceRequirements => (spec.TaskTemplate.Resources ??= {});
export const limitsOf = (spec: ServiceSpec): Resources & { Pids?: number } => (resourcesOf(spec).Limits ??= {});
export const reservationsOf = (spec: ServiceSpec): NonNullable<ResourceRequirements["Reservations"]> =>
  (resourcesOf(spec).Reservations ??= {});
export const restartOf = (spec: ServiceSpec): RestartPolicy => (spec.TaskTemplate.RestartPolicy ??= {});
export const placementOf = (spec: ServiceSpec): Placement => (spec.TaskTemplate.Placement ??= {});
export const healthOf = (spec: ServiceSpec): HealthConfig => (containerOf(spec).Healthcheck ??= {});
export const endpointOf = (spec: ServiceSpec): EndpointSpec => (spec.EndpointSpec ??= {});
