import type { Filters } from "../docker/filters.ts";
import type { DockerEvent } from "./swarm-event.ts";

/** What Docker's events are filtered by. */
export const EVENT_FILTERS = [
  "config",
  "container",
  "daemon",
  "event",
  "image",
  "label",
  "network",
  "node",
  "plugin",
  "scope",
  "secret",
  "service",
  "type",
  "volume",
];
/** Filters whose values an event's object begins with, by its id or its name. */
const OBJECTS = ["config", "container", "daemon", "network", "node", "plugin", "secret", "service", "volume"];
/** Types that only the cluster tells of, and those that it tells of at all. */
const CLUSTER_ONLY: ReadonlySet<string> = new Set(["config", "node", "secret", "service"]);
const CLUSTER_TYPES: ReadonlySet<string> = new Set([...CLUSTER_ONLY, "network"]);

/** Whether an event of the cluster's is wanted: all filters have to agree, of the values of one any. */
export function isWanted({ Type, Action, Actor, scope }: DockerEvent, filters: Filters): boolean {
  const { ID, Attributes } = Actor;
  const begins = (name: string): boolean => {
    const values = filters.get(name);
    return values.length === 0 || values.some((value) => ID.startsWith(value) || Attributes["name"]?.startsWith(value));
  };
  return (
    filters.is("type", Type) &&
    filters.is("event", Action) &&
    filters.is("scope", scope) &&
    filters.is("image", "") &&
    filters.hasLabels("label", Attributes) &&
    OBJECTS.every(begins)
  );
}

/** Whether the engine, or the cluster, can have any such events. */
export function sourcesOf(filters: Filters): { readonly engine: boolean; readonly cluster: boolean } {
  const types = filters.get("type");
  return {
    engine: filters.is("scope", "local") && (types.length === 0 || types.some((type) => !CLUSTER_ONLY.has(type))),
    cluster: filters.is("scope", "swarm") && (types.length === 0 || types.some((type) => CLUSTER_TYPES.has(type))),
  };
}
