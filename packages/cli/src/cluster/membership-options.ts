import { Option, type Command } from "commander";
import { listOption } from "../command.ts";
import { parseAssignments } from "../units/assignment.ts";

export const AVAILABILITIES = ["active", "pause", "drain"] as const;

/** What `cluster init` and `node join` have in common. */
export interface MembershipFlags {
  readonly advertiseAddr?: string;
  readonly listenAddr?: string;
  readonly availability: (typeof AVAILABILITIES)[number];
  readonly label: readonly string[];
}

export function addMembershipFlags(command: Command): Command {
  return command
    .option("--advertise-addr <ip|interface[:port]>", "Address that the other nodes reach this one at")
    .option("--listen-addr <ip[:port]>", "Address to listen on (default: the daemon's --listen-addr)")
    .addOption(
      new Option("--availability <availability>", "Whether this node takes tasks")
        .choices(AVAILABILITIES)
        .default("active"),
    )
    .addOption(listOption("--label <key=value>", "Label of this node; may be repeated"));
}

/** The flags as both requests have them; what wasn't said is left to the daemon. */
export function membershipBody({ advertiseAddr, listenAddr, availability, label }: MembershipFlags) {
  return {
    ...(advertiseAddr === undefined ? {} : { advertiseAddr }),
    ...(listenAddr === undefined ? {} : { listenAddr: withPort(listenAddr) }),
    availability,
    labels: parseAssignments(label),
  };
}

const DEFAULT_PORT = "7373";

/** An address without a port gets the usual one. */
export function withPort(address: string): string {
  if (/^\[[^\]]+\]$/.test(address)) return `${address}:${DEFAULT_PORT}`;
  const colons = address.split(":").length - 1;
  if (colons === 0) return `${address}:${DEFAULT_PORT}`;
  return colons > 1 && !address.startsWith("[") ? `[${address}]:${DEFAULT_PORT}` : address;
}
