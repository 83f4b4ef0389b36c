import { ClusterError } from "@murmur/base";
import { isTerminal, namedVolumesOf, taskName, type ClusterNode } from "@murmur/model";
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
    const { name, node, tasks } = context.req.query();
    const wantsTasks = looseFlag(tasks);
    if (wantsTasks && (name ?? "") === "")
      throw new ClusterError("invalid_argument", "tasks are told for one volume at a time: give its name");
    const nodes = (node ?? "") === "" ? view.nodes() : [findNode(view, node ?? "")];
    const volumes = nodes.flatMap((holder) =>
      (holder.volumes ?? [])
        .filter((held) => (name ?? "") === "" || held === name)
        .map((held): ClusterVolume => {
          const volume = describe(holder, held);
          return wantsTasks ? { ...volume, Tasks: tasksWith(view, holder, held) } : volume;
        }),
    );
    return context.json(volumes.sort(byName));
  });
}

function describe({ id, description, hostname, status }: ClusterNode, name: string): ClusterVolume {
  const node = { ID: id, Hostname: description?.hostname ?? hostname ?? id, State: status.state };
  return { Name: name, Driver: "local", Scope: "local", Node: node };
}

function tasksWith(view: View, node: ClusterNode, volume: string): NonNullable<ClusterVolume["Tasks"]> {
  const { description, hostname = "" } = node;
  const { os, architecture } = description?.platform ?? { os: "linux", architecture: "" };
  const facts = { id: node.id, hostname: description?.hostname ?? hostname, os, architecture };
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

const byName = (a: ClusterVolume, b: ClusterVolume): number =>
  a.Name === b.Name ? (a.Node.Hostname < b.Node.Hostname ? -1 : 1) : a.Name < b.Name ? -1 : 1;
