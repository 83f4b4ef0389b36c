import { ClusterError } from "@murmur/base";
import { isTerminal, namedVolumesOf, taskName, type ClusterNode, type TemplateFacts } from "@murmur/model";
import type { View } from "@murmur/store";
import type { Hono } from "hono";
import type { ClusterVolume } from "../murmur-types.ts";
import type { ClusterAccess } from "./context.ts";
import { findNode } from "./lookup.ts";
import { looseFlag } from "./query.ts";

/** Which node has which volume: what the agents have told, also of nodes that are down. */
export function addClusterVolumeRoutes(app: Hono, access: ClusterAccess): void {
  app.get("/murmur/volumes", async (context) => {
    const view = await access.read(context);
    const { name, node, tasks, unused } = context.req.query();
    const isUsed = looseFlag(unused) ? usersOf(view) : undefined;
    const wantsTasks = looseFlag(tasks);
    if (wantsTasks && (name ?? "") === "")
      throw new ClusterError("invalid_argument", "tasks are told for one volume at a time: give its name");
    const nodes = (node ?? "") === "" ? view.nodes() : [findNode(view, node ?? "")];
    const volumes = nodes.flatMap((holder) =>
      (holder.volumes ?? [])
        .filter((held) => (name ?? "") === "" || held === name)
        .filter((held) => isUsed?.(holder, held) !== true)
        .map((held): ClusterVolume => {
          const volume = describe(holder, held);
          return wantsTasks ? { ...volume, Tasks: tasksWith(view, holder, held) } : volume;
        }),
    );
    return context.json(volumes.sort(byName));
  });
}

/**
 * Whether a volume of a node is used: a record of a task there mounts it, or a service names it, whether it has tasks or
 * not. A name with templates may be any that has its fixed parts.
 */
function usersOf(view: View): (node: ClusterNode, volume: string) => boolean {
  const named = new Set<string>();
  const templated: RegExp[] = [];
  for (const { spec, previousSpec } of view.services())
    for (const { task } of [spec, ...(previousSpec === undefined ? [] : [previousSpec])])
      for (const { kind, source = "" } of task.container.mounts ?? []) {
        if (kind !== "volume" || source === "") continue;
        if (source.includes("{{")) templated.push(patternOf(source));
        else named.add(source);
      }
  const mounted = new Map<string, ReadonlySet<string>>();
  return (node, volume) => {
    if (named.has(volume) || templated.some((pattern) => pattern.test(volume))) return true;
    let ofTasks = mounted.get(node.id);
    if (ofTasks === undefined) {
      const facts = factsOf(node);
      ofTasks = new Set(view.tasksOfNode(node.id).flatMap((task) => namedVolumesOf(task, facts)));
      mounted.set(node.id, ofTasks);
    }
    return ofTasks.has(volume);
  };
}

/** Actions of one name that are told apart from what stands between them. */
const ACTIONS_MAX = 4;
const FACT = /\{\{\s*\.[\w.]+\s*\}\}/;

/** What a name with templates may become: anything, where they are more than a few facts. */
function patternOf(source: string): RegExp {
  const parts = source.split(FACT);
  if (parts.length > ACTIONS_MAX + 1 || parts.some((part) => part.includes("{{"))) return /^/;
  const fixed = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${fixed.join(".*")}$`);
}

function describe({ id, description, hostname, status }: ClusterNode, name: string): ClusterVolume {
  const node = { ID: id, Hostname: description?.hostname ?? hostname ?? id, State: status.state };
  return { Name: name, Driver: "local", Scope: "local", Node: node };
}

function tasksWith(view: View, node: ClusterNode, volume: string): NonNullable<ClusterVolume["Tasks"]> {
  const facts = factsOf(node);
  return view
    .tasksOfNode(node.id)
    .filter((task) => namedVolumesOf(task, facts).includes(volume))
    .map((task) => ({
      ID: task.id,
      Name: taskName(task),
      State: task.status.state,
      InUse: !isTerminal(task.status.state),
    }));
}

function factsOf({ id, description, hostname = "" }: ClusterNode): NonNullable<TemplateFacts["node"]> {
  const { os, architecture } = description?.platform ?? { os: "linux", architecture: "" };
  return { id, hostname: description?.hostname ?? hostname, os, architecture };
}

const byName = (a: ClusterVolume, b: ClusterVolume): number =>
  a.Name === b.Name ? (a.Node.Hostname < b.Node.Hostname ? -1 : 1) : a.Name < b.Name ? -1 : 1;
