import { namedVolumesOf, NODE_VOLUMES_MAX, type ClusterId, type Task } from "@murmur/model";
import { clusterLabels } from "./labels.ts";
import type { EngineVolume } from "./ports.ts";
import type { TemplateNode } from "./render-task.ts";

export interface VolumeFacts {
  /** The local volumes that the engine has, all of them. */
  readonly engine: readonly EngineVolume[];
  readonly clusterId: ClusterId;
  /** Names that tasks of this node mount. */
  readonly mounted: ReadonlySet<string>;
  /** What the managers know from this node. */
  readonly told: readonly string[];
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

/**
 * The volumes that the managers are told of, sorted: those that the engine has and that were made for this cluster, are
 * mounted by its tasks, or were told of before. Others on the engine are not the cluster's affair.
 */
export function heldVolumes({ engine, clusterId, mounted, told }: VolumeFacts): readonly string[] {
  const before = new Set(told);
  const own = Object.entries(clusterLabels(clusterId));
  const held = engine.filter(
    ({ name, labels }) =>
      NAME.test(name) &&
      (mounted.has(name) || before.has(name) || own.every(([label, value]) => labels[label] === value)),
  );
  return held
    .map(({ name }) => name)
    .sort()
    .slice(0, NODE_VOLUMES_MAX);
}

export interface HeldVolumesOptions {
  readonly clusterId: ClusterId;
  /** Those of this node. */
  readonly tasks: () => readonly { readonly task: Task }[];
  readonly node: () => TemplateNode;
}

/** What this node has of volumes, against what the managers know of that. */
export class HeldVolumes {
  readonly #options: HeldVolumesOptions;
  /** The engine's local volumes; undefined before it was asked. */
  #engine: readonly EngineVolume[] | undefined;
  /** What the managers know; undefined before they have said so in this run. */
  #told: readonly string[] | undefined;

  constructor(options: HeldVolumesOptions) {
    this.#options = options;
  }

  /** Undefined as long as not all is known that it follows from. */
  get names(): readonly string[] | undefined {
    const [engine, told] = [this.#engine, this.#told];
    if (engine === undefined || told === undefined) return undefined;
    const { clusterId, tasks, node } = this.#options;
    const mounted = new Set(tasks().flatMap(({ task }) => namedVolumesOf(task, node())));
    return heldVolumes({ engine, clusterId, mounted, told });
  }

  /** What the engine has; whether the managers are to be told. */
  listed(engine: readonly EngineVolume[]): boolean {
    this.#engine = engine;
    return this.#differs();
  }

  /** What the managers know; whether they are to be told otherwise. */
  known(told: readonly string[]): boolean {
    this.#told = told;
    return this.#differs();
  }

  /** All of them, to be reported now. */
  report(): { readonly volumes?: readonly string[] } {
    const volumes = this.names;
    if (volumes === undefined) return {};
    this.#told = volumes;
    return { volumes };
  }

  /** Whether the task mounts a volume that the engine was not seen to have. */
  makes(task: Task | undefined): boolean {
    const names = task === undefined ? [] : namedVolumesOf(task, this.#options.node());
    return names.some((name) => this.#engine?.some((volume) => volume.name === name) !== true);
  }

  #differs(): boolean {
    const { names } = this;
    return names !== undefined && names.join() !== this.#told?.join();
  }
}
