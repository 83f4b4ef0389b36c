import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { stackConfig } from "./stack-config.ts";
import { stackDeploy } from "./stack-deploy.ts";
import { stackLogs } from "./stack-logs.ts";
import { stackLs } from "./stack-ls.ts";
import { stackPs } from "./stack-ps.ts";
import { stackRm } from "./stack-rm.ts";
import { stackServices } from "./stack-services.ts";

export const stackGroup = (cli: Cli): Command =>
  newGroup("stack", "Deploy applications from Compose files, look at them and remove them", [
    stackDeploy(cli),
    stackLs(cli),
    stackPs(cli),
    stackServices(cli),
    stackLogs(cli),
    stackRm(cli),
    stackConfig(cli),
  ]);
