import type { NodeSpec } from "@murmur/api";
import type { Cli } from "../cli.ts";
import { changeWithRetry } from "../change-retry.ts";
import { nodeIdOf } from "./self-node.ts";

/** Changes a node's spec; its id. */
export async function changeNode(cli: Cli, name: string, change: (spec: NodeSpec) => NodeSpec): Promise<string> {
  const client = await cli.client();
  const id = await nodeIdOf(client, name);
  return changeWithRetry(async () => {
    const node = await client.node(id);
    await client.updateNode(node.ID, node.Version.Index, change(node.Spec));
    return node.ID;
  });
}
