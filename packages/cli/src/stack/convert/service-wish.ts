import type { EndpointSpec, PortConfig, ServiceSpec } from "@murmur/api";
import type { ComposeService, Project } from "@murmur/compose";
import { invalid } from "../../argument-error.ts";
import { IMAGE_LABEL, scoped, STACK_LABEL } from "../stack-name.ts";
import { containerOf } from "./container.ts";
import { modeOf, placementOf, resourcesOf, restartOf, updateOf } from "./deployment.ts";
import { mountsOf } from "./mounts.ts";
import { attachmentsOf } from "./networks.ts";
import { configReferences, secretReferences } from "./payloads.ts";
import type { PayloadWish, ServiceWish } from "./stack-wish.ts";

export interface ServiceContext {
  readonly stack: string;
  readonly project: Project;
  readonly configs: ReadonlyMap<string, PayloadWish>;
  readonly secrets: ReadonlyMap<string, PayloadWish>;
  /** Names in the file of what others wait for to complete. */
  readonly awaited: ReadonlySet<string>;
}

/** What Docker would be sent for a service. Errors: `invalid_argument` with the field's place. */
export function serviceWish(service: ComposeService, context: ServiceContext): ServiceWish {
  const { stack, project } = context;
  const { name: key, image } = service;
  if (image === undefined || image === "")
    throw invalid(`services.${key}: names no image: give image, of a registry that all nodes reach`);
  const mode = modeOf(service, context.awaited.has(key));
  const isJob = mode.ReplicatedJob !== undefined || mode.GlobalJob !== undefined;
  const container = containerOf(service, stack, {
    mounts: mountsOf(service.mounts, stack, project.volumes),
    configs: configReferences(service.configs, context.configs),
    secrets: secretReferences(service.secrets, context.secrets),
  });
  const [resources, restart, placement] = [resourcesOf(service), restartOf(service, isJob), placementOf(service)];
  // A service that is a job only because others wait for it may say how it would be updated; a job in the file may not.
  const { updateConfig, rollbackConfig } = isJob && service.deploy.mode === undefined ? {} : service.deploy;
  const [update, rollback] = [updateOf(updateConfig), updateOf(rollbackConfig)];
  const { logging } = service;
  const own = ownOf(service);
  const spec: ServiceSpec = {
    Name: scoped(stack, key),
    Labels: { ...Object.fromEntries(service.deploy.labels), [STACK_LABEL]: stack, [IMAGE_LABEL]: image },
    TaskTemplate: {
      ContainerSpec: container,
      ...(resources && { Resources: resources }),
      ...(restart && { RestartPolicy: restart }),
      ...(placement && { Placement: placement }),
      Networks: attachmentsOf(service, stack, project.networks),
      ...(logging && {
        LogDriver: { ...(logging.driver && { Name: logging.driver }), Options: Object.fromEntries(logging.options) },
      }),
    },
    Mode: mode,
    ...(update && { UpdateConfig: update }),
    ...(rollback && { RollbackConfig: rollback }),
    EndpointSpec: endpointOf(service),
    ...(own && { Murmur: own }),
  };
  return { key, name: scoped(stack, key), spec, dependsOn: service.dependsOn };
}

/** In one order, so that the order of the file is no change. */
function endpointOf({ deploy, ports }: ComposeService): EndpointSpec {
  const sorted = ports.map(({ name, target, published, hostIp, protocol, mode }): PortConfig => ({
    ...(name !== undefined && { Name: name }),
    Protocol: protocol,
    TargetPort: target,
    ...(published !== undefined && { PublishedPort: published }),
    PublishMode: mode,
    ...(hostIp !== undefined && { Murmur: { HostIP: hostIp } }),
  }));
  sorted.sort(
    (a, b) =>
      (a.PublishedPort ?? 0) - (b.PublishedPort ?? 0) ||
      a.TargetPort - b.TargetPort ||
      ((a.Protocol ?? "") < (b.Protocol ?? "") ? -1 : 1),
  );
  return {
    ...(deploy.endpointMode !== undefined && { Mode: deploy.endpointMode }),
    ...(sorted.length > 0 && { Ports: sorted }),
  };
}

/** What Docker has for containers and not for services. */
function ownOf({ devices, privileged }: ComposeService): ServiceSpec["Murmur"] {
  if (devices.length === 0 && privileged !== true) return undefined;
  return {
    ...(devices.length > 0 && {
      Devices: devices.map(({ source, target, permissions }) => ({
        PathOnHost: source,
        PathInContainer: target,
        CgroupPermissions: permissions,
      })),
    }),
    ...(privileged === true && { Privileged: true }),
  };
}
