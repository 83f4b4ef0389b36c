import type { Cli } from "../cli.ts";
import type { ListFormat } from "../command.ts";
import { printListing, type Column } from "../format/listing.ts";
import { peerAddress, type DevNode } from "./dev-layout.ts";

interface DevRow {
  readonly Name: string;
  readonly Status: string;
  readonly Role: string;
  readonly Address: string;
  readonly Socket: string;
  readonly Process: string;
}

const COLUMNS: readonly Column<DevRow>[] = [
  { header: "NAME", field: "Name" },
  { header: "STATUS", field: "Status" },
  { header: "ROLE", field: "Role" },
  { header: "ADDRESS", field: "Address" },
  { header: "SOCKET", field: "Socket" },
  { header: "PROCESS", field: "Process" },
];

export async function printStatus(cli: Cli, nodes: readonly DevNode[], format: ListFormat): Promise<void> {
  printListing(cli, format, { columns: COLUMNS, rows: await Promise.all(nodes.map(rowOf)) });
}

async function rowOf(node: DevNode): Promise<DevRow> {
  const { runningProcess } = await import("./dev-process.ts");
  const pid = await runningProcess(node);
  const standing = pid === undefined ? { Status: "Stopped", Role: "" } : await ask(node);
  const Process = pid === undefined ? "" : String(pid);
  return { Name: node.name, ...standing, Address: peerAddress(node), Socket: node.socketPath, Process };
}

async function ask(node: DevNode): Promise<Pick<DevRow, "Status" | "Role">> {
  const { MurmurClient } = await import("@murmur/api");
  using client = new MurmurClient({ host: node.socketPath, timeoutMs: 3_000 });
  try {
    const { Swarm } = await client.info();
    if (Swarm.LocalNodeState !== "active") return { Status: `Not in the cluster (${Swarm.LocalNodeState})`, Role: "" };
    const { leader, managers } = await client.cluster();
    const manager = managers.find(({ id }) => id === Swarm.NodeID);
    return { Status: "Ready", Role: leader === Swarm.NodeID ? "leader" : manager === undefined ? "worker" : "manager" };
  } catch {
    return { Status: "Doesn't answer", Role: "" };
  }
}
