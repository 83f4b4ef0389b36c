import { didYouMean } from "./nearest-name.ts";
import { problem, shown } from "./problem.ts";
import type { ComposeService, Project } from "./project.ts";
import type { Mapping, Tree } from "./tree.ts";

/** Whether a service's profiles make it part of the application. `*` means all. */
export function isActive(service: Mapping, profiles: readonly string[]): boolean {
  const own = profilesOf(service);
  return own.length === 0 || profiles.includes("*") || own.some((profile) => profiles.includes(profile));
}

export function profilesOf(service: Mapping): readonly string[] {
  const tree = service.entries.get("profiles");
  return tree?.kind === "list" ? tree.items.flatMap((item) => (item.kind === "scalar" ? [item.text] : [])) : [];
}

/** Names that services refer to are there, and nothing waits for itself. `all`: active services and others. */
export function checkReferences(project: Project, all: ReadonlyMap<string, Mapping>): void {
  for (const service of project.services.values()) {
    const tree = all.get(service.name);
    if (tree !== undefined) checkService(service, tree, project, all);
  }
  checkCycles(project, all);
}

function checkService(
  service: ComposeService,
  tree: Mapping,
  project: Project,
  all: ReadonlyMap<string, Mapping>,
): void {
  const path = `services.${service.name}`;
  const refuse = (field: string, text: string): never => {
    throw problem(
      (tree.entries.get(field) ?? tree).place,
      `${path}${tree.entries.has(field) ? `.${field}` : ""}`,
      text,
    );
  };
  const known = (field: string, kind: string, name: string, names: ReadonlyMap<string, unknown>): void => {
    if (!names.has(name))
      refuse(field, `there is no ${kind} ${shown(name)} in the file${didYouMean(name, names.keys())}`);
  };
  if (service.image === undefined && service.build === undefined && !tree.entries.has("provider")) {
    refuse("image", "a service has an image, or a build");
  }
  if (service.networkMode !== undefined && service.networks.length > 0)
    refuse("network_mode", "network_mode and networks exclude each other; leave one of them");
  for (const { network } of service.networks)
    if (network !== "default") known("networks", "network", network, project.networks);
  for (const { source } of service.configs) known("configs", "config", source, project.configs);
  for (const { source } of service.secrets) known("secrets", "secret", source, project.secrets);
  for (const { type, source } of service.mounts) {
    if (type === "volume" && source !== undefined) known("volumes", "volume", source, project.volumes);
  }
  if ((service.deploy.replicas ?? 1) > 1 && tree.entries.has("container_name")) {
    refuse(
      "container_name",
      "a service of several replicas can't have it, since each container has its own name; leave it out",
    );
  }
  for (const { service: other, required } of service.dependsOn) {
    if (project.services.has(other)) continue;
    const inactive = all.get(other);
    if (inactive === undefined) known("depends_on", "service", other, without(all, service.name));
    else if (required) {
      refuse(
        "depends_on",
        `service ${shown(other)} is not part of this, since none of its profiles is active; activate one of ${profilesOf(inactive).join(", ")}`,
      );
    }
  }
}

/** A service isn't meant by another name in its own list. */
const without = <Value>(all: ReadonlyMap<string, Value>, own: string): ReadonlyMap<string, Value> =>
  new Map([...all].filter(([name]) => name !== own));

/** Walks without recursion: a chain may be as long as a file allows. */
function checkCycles(project: Project, all: ReadonlyMap<string, Tree>): void {
  const done = new Set<string>();
  for (const first of project.services.keys()) {
    const path: string[] = [first];
    const on = new Set(path);
    const rest: string[][] = [dependenciesOf(project, first)];
    while (path.length > 0) {
      const next = rest.at(-1)?.pop();
      if (next === undefined) {
        const left = path.pop() ?? "";
        rest.pop();
        on.delete(left);
        done.add(left);
      } else if (on.has(next)) {
        const loop = [...path.slice(path.indexOf(next)), next];
        const tree = all.get(next);
        if (tree !== undefined)
          throw problem(
            tree.place,
            `services.${next}.depends_on`,
            `services wait for each other: ${loop.join(" -> ")}; take one out`,
          );
      } else if (!done.has(next)) {
        path.push(next);
        on.add(next);
        rest.push(dependenciesOf(project, next));
      }
    }
  }
}

function dependenciesOf(project: Project, name: string): string[] {
  const service = project.services.get(name);
  return (service?.dependsOn ?? [])
    .map((dependency) => dependency.service)
    .filter((other) => project.services.has(other))
    .toReversed();
}
