import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { clusterLeave } from "../cluster/cluster-leave.ts";
import { newGroup } from "../command.ts";
import { nodeInspect } from "./node-inspect.ts";
import { nodeJoin } from "./node-join.ts";
import { nodeLs } from "./node-ls.ts";
import { nodePs } from "./node-ps.ts";
import { nodeRm } from "./node-rm.ts";
import { nodeRole } from "./node-role.ts";
import { nodeTop } from "./node-top.ts";
import { nodeUpdate } from "./node-update.ts";

export const nodeGroup = (cli: Cli): Command =>
  newGroup("node", "Join nodes, look at them, change and remove them", [
    nodeJoin(cli),
    nodeLs(cli),
    nodePs(cli),
    nodeTop(cli),
    nodeInspect(cli),
    nodeUpdate(cli),
    nodeRole(cli, "promote"),
    nodeRole(cli, "demote"),
    nodeRm(cli),
    clusterLeave(cli),
  ]);
