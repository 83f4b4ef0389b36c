import { nodeNetworkOf, wantsToRun, type Service, type Task, type UpdateStatus } from "@murmur/model";
import { withLengths, type NetworkOf } from "./attachment.ts";
import { compact } from "./compact.ts";
import { fromPort } from "./port.ts";
import { fromServiceSpec, withServiceDefaults } from "./service-spec.ts";
import type * as docker from "./service-types.ts";
import { toTimestamp } from "./time.ts";

export interface ServiceOptions {
  readonly networkOf: NetworkOf;
  /** Counted by `countTasks`, where the client asked for it. */
  readonly status?: docker.ServiceStatus | undefined;
  readonly insertDefaults?: boolean;
}

export function fromService(service: Service, options: ServiceOptions): docker.Service {
  const { previousSpec, jobIteration } = service;
  const spec = fromServiceSpec(service.spec);
  return compact<docker.Service>({
    ID: service.id,
    Version: { Index: service.version },
    CreatedAt: toTimestamp(service.createdAt),
    UpdatedAt: toTimestamp(service.updatedAt),
    Spec: options.insertDefaults === true ? withServiceDefaults(service.spec) : spec,
    PreviousSpec: previousSpec === undefined ? undefined : fromServiceSpec(previousSpec),
    Endpoint: compact<docker.Service["Endpoint"]>({
      Spec: spec.EndpointSpec ?? {},
      Ports: service.ports.length === 0 ? undefined : service.ports.map(fromPort),
      VirtualIPs: virtualAddresses(service, options.networkOf),
    }),
    UpdateStatus: service.updateStatus === undefined ? undefined : fromUpdateStatus(service.updateStatus),
    ServiceStatus: options.status,
    JobStatus:
      jobIteration === undefined
        ? undefined
        : { JobIteration: { Index: jobIteration.index }, LastExecution: toTimestamp(jobIteration.startedAt) },
    Murmur: { SpecVersion: service.specVersion, Removing: service.removing === true },
  });
}

/** As Docker, a service in its nodes' own network has an entry for it, with no address. */
function virtualAddresses(
  { vips = [], spec }: Service,
  networkOf: NetworkOf,
): docker.Service["Endpoint"]["VirtualIPs"] {
  const own = spec.endpoint.mode === "vip" ? nodeNetworkOf(spec.task) : undefined;
  if (own !== undefined) return [{ NetworkID: own.id }];
  if (vips.length === 0) return undefined;
  return vips.flatMap((vip) =>
    withLengths(vip, networkOf(vip.networkId)).map((Addr) => ({ NetworkID: vip.networkId, Addr })),
  );
}

const fromUpdateStatus = (status: UpdateStatus): docker.UpdateStatus =>
  compact<docker.UpdateStatus>({
    State: status.state,
    StartedAt: toTimestamp(status.startedAt),
    CompletedAt: status.completedAt === undefined ? undefined : toTimestamp(status.completedAt),
    Message: status.message,
  });

/**
 * `ServiceStatus`, counted as SwarmKit's ListServiceStatuses does, with one difference: a task that nobody wants any more,
 * or whose node is lost, is not counted as running. Its record says "running" until the node is back, and 8 of 6 help nobody.
 */
export function countTasks(
  service: Service,
  tasks: readonly Task[],
  isLost: (task: Task) => boolean,
): docker.ServiceStatus {
  const { mode, stopped } = service.spec;
  const global = mode.kind === "global" || mode.kind === "global-job";
  const ofThisIteration = (task: Task): boolean =>
    service.jobIteration === undefined || task.jobIteration === service.jobIteration.index;
  const counted = tasks.filter(ofThisIteration);
  const count = (holds: (task: Task) => boolean): number => counted.filter(holds).length;
  const isComplete = (task: Task): boolean => task.status.state === "complete";
  return {
    RunningTasks: count((task) => task.status.state === "running" && wantsToRun(task.desiredState) && !isLost(task)),
    DesiredTasks:
      stopped === true
        ? 0
        : global
          ? count((task) => task.desiredState === "running" || (task.desiredState === "complete" && !isComplete(task)))
          : mode.kind === "replicated"
            ? mode.replicas
            : mode.maxConcurrent,
    CompletedTasks: service.jobIteration === undefined ? 0 : count(isComplete),
  };
}
