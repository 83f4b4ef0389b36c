import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** One daemon of a development cluster. */
export interface DevNode {
  readonly number: number;
  readonly name: string;
  /** A loopback address of its own, so that all can use the same ports. */
  readonly ip: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly pidFile: string;
  readonly logFile: string;
}

export const DEV_NODES_MAX = 50;
const PEER_PORT = 7373;
const DNS_PORT = 7353;

export function devNode(root: string, number: number): DevNode {
  const folder = join(root, String(number));
  return {
    number,
    name: `dev${String(number)}`,
    ip: `127.0.0.${String(10 + number)}`,
    folder,
    dataDir: join(folder, "data"),
    socketPath: join(folder, "docker.sock"),
    pidFile: join(folder, "daemon.pid"),
    logFile: join(folder, "daemon.log"),
  };
}

/** The nodes that there are folders of. */
export async function existingNodes(root: string): Promise<DevNode[]> {
  const names = await readdir(root).catch((): string[] => []);
  const numbers = names.filter((name) => /^[1-9]\d?$/.test(name)).map(Number);
  return numbers.sort((a, b) => a - b).map((number) => devNode(root, number));
}

export const peerAddress = ({ ip }: DevNode): string => `${ip}:${String(PEER_PORT)}`;

/** The arguments of a node's `murmur daemon`. */
export const daemonArguments = (node: DevNode, dockerHost: string): readonly string[] => [
  "daemon",
  "--data-dir",
  node.dataDir,
  "--socket",
  node.socketPath,
  "--docker-host",
  dockerHost,
  "--listen-addr",
  peerAddress(node),
  "--dns-addr",
  `${node.ip}:${String(DNS_PORT)}`,
  "--publish-addr",
  node.ip,
  "--hostname",
  node.name,
];

/** What `dev down` must know when no daemon answers any more. */
export interface DevRecord {
  readonly clusterId: string;
  readonly dockerHost: string;
}

const recordFile = (root: string): string => join(root, "cluster.json");

export const writeRecord = (root: string, record: DevRecord): Promise<void> =>
  writeFile(recordFile(root), `${JSON.stringify(record)}\n`);

export async function readRecord(root: string): Promise<DevRecord | undefined> {
  const text = await readFile(recordFile(root), "utf8").catch(() => "{}");
  const value = JSON.parse(text) as Partial<DevRecord>;
  const { clusterId, dockerHost } = value;
  return clusterId === undefined || dockerHost === undefined ? undefined : { clusterId, dockerHost };
}
