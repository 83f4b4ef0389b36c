import {
  expandContainer,
  expandTemplate,
  payloadsOf,
  taskFacts,
  type PayloadUse,
  type Task,
  type TemplateFacts,
} from "@murmur/model";
import type { Payloads } from "./payloads.ts";
import type { TaskFile } from "./ports.ts";

/** What templates may say of the node. */
export type TemplateNode = NonNullable<TemplateFacts["node"]>;

export interface RenderedTask {
  /** With every template in its spec expanded. */
  readonly task: Task;
  /** Its secrets and configs. */
  readonly files: readonly TaskFile[];
}

/** Makes of a task what its container needs: expands templates, finds contents. A `problem` is one line. */
export function renderTask(
  task: Task,
  node: TemplateNode,
  payloads: Pick<Payloads, "get">,
): RenderedTask | { readonly problem: string } {
  const facts = taskFacts(task, node);
  const expanded = expandContainer(task.spec.container, facts);
  if ("problem" in expanded) return expanded;
  const container = expanded.spec;
  const uses = payloadsOf(container);
  const files: TaskFile[] = [];
  for (const use of uses) {
    const text = contentsOf(use, payloads);
    if (text === undefined) return { problem: `${use.kind} ${use.name} isn't on this node` };
    const functions = functionsFor(container.env ?? [], uses, payloads);
    const bytes = text.isTemplate ? expandedBytes(text.bytes, { ...facts, functions }) : text.bytes;
    if ("problem" in bytes) return { problem: `${use.kind} ${use.name}: ${bytes.problem}` };
    const { uid, gid, mode } = use.file;
    files.push({ target: use.target, uid, gid, mode, bytes });
  }
  return { task: container === task.spec.container ? task : { ...task, spec: { ...task.spec, container } }, files };
}

function contentsOf(
  { kind, id }: PayloadUse,
  payloads: Pick<Payloads, "get">,
): { readonly bytes: Uint8Array; readonly isTemplate: boolean } | undefined {
  const payload = payloads.get(kind, id);
  if (payload === undefined) return undefined;
  return { bytes: Buffer.from(payload.data, "base64"), isTemplate: payload.templating !== undefined };
}

function expandedBytes(bytes: Uint8Array, facts: TemplateFacts): Uint8Array | { readonly problem: string } {
  const expanded = expandTemplate(new TextDecoder().decode(bytes), facts);
  return "text" in expanded ? new TextEncoder().encode(expanded.text) : expanded;
}

/** What a template in contents may call: secrets and configs go by the name of their file, and are taken as they are. */
function functionsFor(
  env: readonly string[],
  uses: readonly PayloadUse[],
  payloads: Pick<Payloads, "get">,
): NonNullable<TemplateFacts["functions"]> {
  const named = (kind: PayloadUse["kind"]) => (name: string) => {
    const use = uses.find((candidate) => candidate.kind === kind && candidate.file.name === name);
    const contents = use === undefined ? undefined : contentsOf(use, payloads);
    return contents === undefined ? undefined : new TextDecoder().decode(contents.bytes);
  };
  return {
    env: (name) => env.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? "",
    secret: named("secret"),
    config: named("config"),
  };
}
