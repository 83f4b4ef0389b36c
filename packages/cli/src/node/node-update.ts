import { Option, type Command } from "commander";
import { invalid } from "../argument-error.ts";
import type { NodeSpec } from "@murmur/api";
import type { Cli } from "../cli.ts";
import { AVAILABILITIES } from "../cluster/membership-options.ts";
import { listOption, newCommand } from "../command.ts";
import { parseAssignments } from "../units/assignment.ts";
import { parseDuration } from "../units/duration.ts";
import { changeNode } from "./change-node.ts";
import { followDrain } from "./follow-drain.ts";

interface UpdateFlags {
  readonly availability?: (typeof AVAILABILITIES)[number];
  readonly labelAdd: readonly string[];
  readonly labelRm: readonly string[];
  readonly role?: "worker" | "manager" | "auto";
  /** Nanoseconds. */
  readonly deadline?: number;
  readonly wait?: boolean;
  readonly quiet?: boolean;
}

export function nodeUpdate(cli: Cli): Command {
  return newCommand({
    name: "update",
    usage: "[OPTIONS] NODE",
    summary: "Change a node's availability, labels or role",
    details:
      "--availability drain stops all tasks of the node at once and starts others elsewhere, as in Docker. With --deadline none is stopped before its replacement runs (a job's, before it has come to its end; a global service's has no other place, and is stopped at once); what is left after that time is stopped, whether it was replaced or not. --wait returns when the node has no task left, and exits with 1 after it has said which had to be stopped at the deadline, and why.",
    examples: [
      { says: "Move everything away from a node", line: "murmur node update --availability drain host3" },
      {
        says: "The same without losing capacity, and wait for it",
        line: "murmur node update --availability drain --wait --deadline 5m host3",
      },
      { says: "Label one, for constraints", line: "murmur node update --label-add zone=east host1" },
    ],
  })
    .argument("<node>", "Id or host name; self for this host's")
    .addOption(
      new Option(
        "--availability <availability>",
        "Whether the node takes tasks, keeps those it has, or gives all up",
      ).choices(AVAILABILITIES),
    )
    .addOption(
      new Option(
        "--deadline <duration>",
        "With drain: let tasks work until their replacements do, at most so long (24h is the most)",
      ).argParser(parseDeadline),
    )
    .option("--wait", "With drain: wait until the node has no task left, and show how it goes")
    .option("-q, --quiet", "Suppress progress output")
    .addOption(listOption("--label-add <key=value>", "Add or update a node label; may be repeated"))
    .addOption(listOption("--label-rm <key>", "Remove a node label if it exists; may be repeated"))
    .addOption(
      new Option("--role <role>", "Pin the node's role; auto lets the cluster choose").choices([
        "worker",
        "manager",
        "auto",
      ]),
    )
    .action(async (name: string, flags: UpdateFlags) => {
      const isDrain = flags.availability === "drain";
      if (!isDrain && (flags.wait === true || flags.deadline !== undefined))
        throw invalid("--wait and --deadline go with --availability drain only");
      const id = await changeNode(cli, name, (spec) => updatedNode(spec, flags));
      cli.print(name);
      if (flags.wait === true) await followDrain(cli, { id, name, quiet: flags.quiet === true });
    });
}

function parseDeadline(text: string): number {
  const deadline = parseDuration(text);
  if (deadline < NANOS_PER_MILLI || deadline > DEADLINE_MAX)
    throw invalid(`--deadline must be from 1ms to 24h, not '${text}'`);
  return deadline;
}

const NANOS_PER_MILLI = 1e6;
const DEADLINE_MAX = 24 * 3600e9;

function updatedNode(spec: NodeSpec, { availability, labelAdd, labelRm, role, deadline }: UpdateFlags): NodeSpec {
  const Drain = deadline === undefined ? null : { Deadline: deadline };
  const Murmur = {
    ...spec.Murmur,
    ...(availability === "drain" && { Drain }),
    ...(role !== undefined && pinned(spec, role).Murmur),
  };
  const kept = Object.entries(spec.Labels ?? {}).filter(([key]) => !labelRm.includes(key));
  return {
    ...spec,
    ...(availability === undefined ? {} : { Availability: availability }),
    Labels: { ...Object.fromEntries(kept), ...parseAssignments(labelAdd) },
    ...(role === undefined ? {} : { Role: pinned(spec, role).Role }),
    ...(Object.keys(Murmur).length === 0 ? {} : { Murmur }),
  };
}

/** A role that Docker's clients set is a wish; Murmur keeps the pin beside it. */
export const pinned = (spec: NodeSpec, role: "worker" | "manager" | "auto"): Pick<NodeSpec, "Role" | "Murmur"> =>
  role === "auto" ? { Role: spec.Role, Murmur: { PinnedRole: null } } : { Role: role, Murmur: { PinnedRole: role } };
