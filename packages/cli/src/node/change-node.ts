import type { NodeSpec } from "@murmur/api";
import type { Cli } from "../cli.ts";
import { changeWithRetry } from "../change-retry.ts";
import { nodeIdOf } from "./self-node.ts";

/** Changes a node's spec and prints its name, as Docker does. */
export async function changeNode(cli: Cli, name: string, change: (spec: NodeSpec) => NodeSpec): Promise<void> {
  const client = await cli.client();
  const id = await nodeIdOf(client, name);
  await changeWithRetry(async () => {
    const node = await client.node(id);
    await client.updateNode(node.ID, node.Version.Index, change(node.Spec));
  });
}
