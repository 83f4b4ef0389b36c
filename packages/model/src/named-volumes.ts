import type { Mount } from "./container-spec.ts";
import { expandTemplate, type TemplateFacts } from "./template/template.ts";
import { taskName, type Task } from "./task.ts";

/** Names of volumes of one node that its record holds; what is beyond them is left out, the last names first. */
export const NODE_VOLUMES_MAX = 256;
/** Volumes that one task's record names as left behind. */
export const LEFT_VOLUMES_MAX = 8;

type VolumeTask = Pick<Task, "id" | "serviceId" | "serviceName" | "serviceLabels" | "slot" | "nodeId" | "spec">;

const NONE: readonly string[] = [];
/** File systems that the local driver mounts from somewhere else: their data is on no node. */
const REMOTE = /^(nfs|cifs|smb|ceph|gluster|9p)/;

/**
 * The named volumes of the node's own disk that a task mounts, each once, in the order of its mounts: the data that stays
 * on a node when the task leaves it. Without a node, those whose name depends on it are left out.
 */
export function namedVolumesOf(task: VolumeTask, node?: TemplateFacts["node"]): readonly string[] {
  const { mounts } = task.spec.container;
  if (mounts === undefined) return NONE;
  const names = new Set<string>();
  for (const mount of mounts) {
    if (!isNamedLocal(mount)) continue;
    const expanded = expandTemplate(mount.source ?? "", taskFacts(task, node));
    if ("text" in expanded && expanded.text !== "") names.add(expanded.text);
  }
  return names.size === 0 ? NONE : [...names];
}

/** Whether the name of one of a task's volumes differs from task to task. */
export const hasTemplatedVolumes = ({ spec }: Pick<Task, "spec">): boolean =>
  spec.container.mounts?.some((mount) => isNamedLocal(mount) && (mount.source ?? "").includes("{{")) ?? false;

function isNamedLocal({ kind, source, volumeDriver }: Mount): boolean {
  if (kind !== "volume" || (source ?? "") === "") return false;
  if (volumeDriver === undefined) return true;
  const isLocal = volumeDriver.name === "" || volumeDriver.name === "local";
  return isLocal && !REMOTE.test(volumeDriver.options["type"] ?? "");
}

/** What templates may say of a task on a node. As in Docker, tasks of a global service have their node in place of a slot. */
export function taskFacts(task: VolumeTask, node: TemplateFacts["node"]): TemplateFacts {
  return {
    service: { id: task.serviceId, name: task.serviceName, labels: task.serviceLabels },
    node,
    task: { id: task.id, name: taskName(task), slot: task.slot > 0 ? String(task.slot) : node?.id },
  };
}
