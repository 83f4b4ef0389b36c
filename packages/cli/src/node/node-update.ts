import { Option, type Command } from "commander";
import type { NodeSpec } from "@murmur/api";
import type { Cli } from "../cli.ts";
import { AVAILABILITIES } from "../cluster/membership-options.ts";
import { listOption, newCommand } from "../command.ts";
import { parseAssignments } from "../units/assignment.ts";
import { changeNode } from "./change-node.ts";

interface UpdateFlags {
  readonly availability?: (typeof AVAILABILITIES)[number];
  readonly labelAdd: readonly string[];
  readonly labelRm: readonly string[];
  readonly role?: "worker" | "manager" | "auto";
}

export function nodeUpdate(cli: Cli): Command {
  return newCommand({
    name: "update",
    usage: "[OPTIONS] NODE",
    summary: "Change a node's availability, labels or role",
    examples: [
      { says: "Move everything away from a node", line: "murmur node update --availability drain host3" },
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
      await changeNode(cli, name, (spec) => updatedNode(spec, flags));
      cli.print(name);
    });
}

function updatedNode(spec: NodeSpec, { availability, labelAdd, labelRm, role }: UpdateFlags): NodeSpec {
  const kept = Object.entries(spec.Labels ?? {}).filter(([key]) => !labelRm.includes(key));
  return {
    ...spec,
    ...(availability === undefined ? {} : { Availability: availability }),
    Labels: { ...Object.fromEntries(kept), ...parseAssignments(labelAdd) },
    ...(role === undefined ? {} : pinned(spec, role)),
  };
}

/** A role that Docker's clients set is a wish; Murmur keeps the pin beside it. */
export const pinned = (spec: NodeSpec, role: "worker" | "manager" | "auto"): Pick<NodeSpec, "Role" | "Murmur"> =>
  role === "auto" ? { Role: spec.Role, Murmur: { PinnedRole: null } } : { Role: role, Murmur: { PinnedRole: role } };
