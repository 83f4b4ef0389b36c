import { MurmurClient } from "@murmur/api";
import { ClusterError, sleep, type Clock } from "@murmur/base";
import { peerAddress, type DevNode } from "./dev-layout.ts";

/** How long the nodes may take to become a cluster. */
const FORM_LIMIT_MS = 60_000;
const POLL_MS = 200;

const clientOf = (node: DevNode): MurmurClient => new MurmurClient({ host: node.socketPath });

/** Starts the cluster on the first node and joins the others, as far as they aren't in it yet; its id. */
export async function formCluster(nodes: readonly DevNode[], clock: Clock, signal: AbortSignal): Promise<string> {
  const [first, ...others] = nodes;
  if (first === undefined) throw new ClusterError("invalid_argument", "a cluster needs a node");
  using client = clientOf(first);
  if (await isOutside(client)) await client.initCluster({ advertiseAddr: first.ip, name: "dev" }, { signal });
  const { joinToken: token } = await client.joinToken({ signal });
  for (const node of others) {
    using other = clientOf(node);
    if (!(await isOutside(other))) continue;
    await other.joinCluster({ token, addresses: [peerAddress(first)], advertiseAddr: node.ip }, { signal });
  }
  await untilReady(client, nodes.length, { clock, signal });
  return (await client.cluster({ signal })).id;
}

const isOutside = async (client: MurmurClient): Promise<boolean> =>
  (await client.info()).Swarm.LocalNodeState === "inactive";

async function untilReady(
  client: MurmurClient,
  count: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const until = clock.monotonic() + FORM_LIMIT_MS;
  for (;;) {
    const nodes = await client.nodes({ signal }).catch(() => []);
    const waiting = nodes.filter(({ Status, Murmur }) => Status.State !== "ready" || Murmur.EngineState !== "ready");
    const voters = nodes.filter(({ Murmur }) => Murmur.RaftRole === "voter").length;
    // With fewer managers than it will have, the cluster wouldn't survive the loss that somebody is about to try.
    if (nodes.length >= count && waiting.length === 0 && voters >= (count < 3 ? 1 : 3)) return;
    if (clock.monotonic() > until) {
      const names = waiting.map(({ Description, Status }) => `${Description.Hostname ?? ""} ${Status.Message ?? ""}`);
      throw new ClusterError("timeout", `the nodes aren't ready: ${names.join(", ").trim() || "managers are missing"}`);
    }
    await sleep(clock, POLL_MS, signal);
  }
}
