import type { MurmurClient } from "@murmur/api";
import { shortId } from "../format/short-id.ts";
import type { LineContext } from "./log-line.ts";

export interface NameOptions {
  /** Names in place of ids. */
  readonly resolve: boolean;
  /** Short ids of tasks. */
  readonly trunc: boolean;
  readonly taskIds: boolean;
  /** Digits of the highest slot. */
  readonly slotWidth: number;
}

/** What a line begins with, as Docker writes it: `web.1.k2x9…@host2`. The cluster is asked once for each task. */
export class LineNames {
  readonly #client: MurmurClient;
  readonly #options: NameOptions;
  readonly #known = new Map<string, string>();

  constructor(client: MurmurClient, options: NameOptions) {
    this.#client = client;
    this.#options = options;
  }

  async of(context: LineContext): Promise<string> {
    const key = `${context.task} ${context.node}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = await this.#make(context);
    this.#known.set(key, name);
    return name;
  }

  /** What the cluster doesn't know any more goes by its id. */
  async #make({ node, service, task }: LineContext): Promise<string> {
    const { resolve, trunc, taskIds, slotWidth } = this.#options;
    const [record, hostname] = await Promise.all([
      this.#client.task(task).catch(() => undefined),
      resolve
        ? this.#client.node(node).then(
            ({ Description }) => Description.Hostname || node,
            () => node,
          )
        : node,
    ]);
    const slot = String(record?.Murmur.Slot ?? 0);
    const id = trunc ? shortId(task) : task;
    const named = `${(resolve && record?.Murmur.ServiceName) || service}.${slot}${taskIds ? `.${id}` : ""}`;
    return `${named}@${hostname}${" ".repeat(Math.max(0, slotWidth - slot.length))}`;
  }
}
