import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { clusterInfo } from "./cluster-info.ts";
import { clusterInit } from "./cluster-init.ts";
import { clusterJoinToken } from "./cluster-join-token.ts";
import { clusterLeave } from "./cluster-leave.ts";

export const clusterGroup = (cli: Cli): Command =>
  newGroup("cluster", "Start, look at and leave a cluster", [
    clusterInit(cli),
    clusterInfo(cli),
    clusterJoinToken(cli),
    clusterLeave(cli),
  ]);
