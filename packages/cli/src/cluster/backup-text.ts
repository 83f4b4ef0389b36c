import type { BackupHeader } from "@murmur/api";

/** What a backup holds, for people: a line for each fact. */
export function backupText(header: BackupHeader): string {
  const facts: readonly (readonly [string, string])[] = [
    ["Cluster", `${header.clusterName} (${header.clusterId})`],
    ["Taken", new Date(header.takenAt).toISOString()],
    ["Position", `entry ${String(header.index)}, term ${String(header.term)}`],
    ["Holds", countsText(header.counts)],
    ["Written by", `Murmur ${header.murmurVersion}`],
  ];
  return facts.map(([name, value]) => `${`${name}:`.padEnd(13)}${value}`).join("\n");
}

export const countsText = ({ nodes, services, tasks }: BackupHeader["counts"]): string =>
  `${count(nodes, "node")}, ${count(services, "service")}, ${count(tasks, "task")}`;

const count = (number: number, what: string): string => `${String(number)} ${what}${number === 1 ? "" : "s"}`;
