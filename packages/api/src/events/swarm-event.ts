import type { Millis } from "@murmur/base";
import { FIRST_INGRESS, type ClusterNode, type Service } from "@murmur/model";
import type { Change } from "@murmur/store";
import { roleOf } from "../docker/node.ts";

/** An event as Docker's API has it. */
export interface DockerEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: "swarm" | "local";
  readonly time: number;
  readonly timeNano: number;
}

interface Said {
  readonly type: string;
  readonly action: "create" | "update" | "remove";
  readonly at: Millis;
  readonly attributes: Readonly<Record<string, string>>;
  /** Left out: the record's. */
  readonly id?: string;
}

/** What Docker would say of a change; undefined for one that it says nothing of. `now` is the time of what has none. */
export function swarmEvent(change: Change, now: Millis): DockerEvent | undefined {
  const said = sayOf(change, now);
  if (said === undefined) return undefined;
  const { type, action, at, attributes, id = change.id } = said;
  return {
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: "swarm",
    time: Math.floor(at / 1_000),
    timeNano: at * 1_000_000,
  };
}

function sayOf(change: Change, now: Millis): Said | undefined {
  switch (change.table) {
    case "nodes":
      return nodeSaid(change, now);
    case "services":
      return serviceSaid(change, now);
    case "networks":
    case "secrets":
    case "configs": {
      const type = change.table.slice(0, -1);
      const { spec } = change.current ?? change.previous;
      // As a service's: for its users a network goes before its record does.
      if (isRemoved(change.previous) || isSealedAnew(change)) return undefined;
      if (change.kind === "delete" || isRemoved(change.current))
        return { type, action: "remove", at: now, attributes: { name: spec.name } };
      const action = change.previous === undefined ? "create" : "update";
      const at = "updatedAt" in change.current ? change.current.updatedAt : change.current.createdAt;
      return { type, action, at, attributes: { name: spec.name } };
    }
    case "cluster":
      return clusterSaid(change);
    // Docker tells of no tasks; the others are nobody's business but the managers'.
    case "tasks":
    case "restarts":
      return undefined;
  }
}

const isRemoved = (record: object | undefined): boolean =>
  record !== undefined && "removing" in record && record.removing === true;

/** What is sealed with another key is the same for its users: it has the version that it had. */
const isSealedAnew = ({
  previous,
  current,
}: Pick<ChangeIn<"secrets" | "services" | "networks" | "configs">, "previous" | "current">): boolean =>
  previous !== undefined && previous.version === current?.version;

type ChangeIn<T extends Change["table"]> = Extract<Change, { table: T }>;

/** The first ingress network has no record of its own; that it is gone is in the cluster's. */
function clusterSaid({ previous, current }: ChangeIn<"cluster">): Said | undefined {
  if (current?.firstIngressRemoved !== true || previous === undefined) return undefined;
  if (previous.firstIngressRemoved === true) return undefined;
  const { id, name } = FIRST_INGRESS;
  return { type: "network", action: "remove", at: current.updatedAt, attributes: { name }, id };
}

function nodeSaid(change: ChangeIn<"nodes">, now: Millis): Said | undefined {
  const { previous, current } = change;
  const name = nameOf(current ?? previous);
  if (current === undefined) return { type: "node", action: "remove", at: now, attributes: { name } };
  if (previous === undefined) return { type: "node", action: "create", at: current.createdAt, attributes: { name } };
  const differences = {
    ...difference("availability", previous.spec.availability, current.spec.availability),
    ...difference("role", roleOf(previous), roleOf(current)),
    ...difference("state", previous.status.state, current.status.state),
  };
  // A node's record is also written for what is of no interest to anybody who watches.
  const isShown = Object.keys(differences).length > 0 || previous.spec !== current.spec;
  if (!isShown) return undefined;
  return { type: "node", action: "update", at: current.updatedAt, attributes: { name, ...differences } };
}

const nameOf = ({ spec, description, hostname, id }: ClusterNode): string =>
  spec.name ?? description?.hostname ?? hostname ?? id;

function serviceSaid(change: ChangeIn<"services">, now: Millis): Said | undefined {
  const { previous, current } = change;
  if (isSealedAnew(change)) return undefined;
  // Its record goes when its last task has; for its users it went before.
  if (current === undefined) return previous.removing === true ? undefined : removed(previous, now);
  if (current.removing === true) return previous?.removing === true ? undefined : removed(current, current.updatedAt);
  const { name } = current.spec;
  if (previous === undefined) return { type: "service", action: "create", at: current.createdAt, attributes: { name } };
  const attributes = {
    name,
    ...difference("image", previous.spec.task.container.image, current.spec.task.container.image),
    ...difference("replicas", replicasOf(previous), replicasOf(current)),
    ...difference("updatestate", previous.updateStatus?.state, current.updateStatus?.state),
  };
  return { type: "service", action: "update", at: current.updatedAt, attributes };
}

const removed = ({ spec }: Service, at: Millis): Said => ({
  type: "service",
  action: "remove",
  at,
  attributes: { name: spec.name },
});

const replicasOf = ({ spec }: Service): string | undefined =>
  spec.mode.kind === "replicated" ? String(spec.mode.replicas) : undefined;

const difference = (name: string, old: string | undefined, current: string | undefined): Record<string, string> =>
  old === current || current === undefined
    ? {}
    : { ...(old !== undefined && { [`${name}.old`]: old }), [`${name}.new`]: current };
