import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { serviceCreate } from "./service-create.ts";
import { serviceExec } from "./service-exec.ts";
import { serviceExplain } from "./service-explain.ts";
import { serviceInspect } from "./service-inspect.ts";
import { serviceLogs } from "./service-logs.ts";
import { serviceLs } from "./service-ls.ts";
import { servicePs } from "./service-ps.ts";
import { serviceRebalance } from "./service-rebalance.ts";
import { serviceRm } from "./service-rm.ts";
import { serviceRollback } from "./service-rollback.ts";
import { serviceScale } from "./service-scale.ts";
import { serviceRestart, serviceStart, serviceStop } from "./service-stop.ts";
import { serviceTop } from "./service-top.ts";
import { serviceUpdate } from "./service-update.ts";

export const serviceGroup = (cli: Cli): Command =>
  newGroup("service", "Create services, look at them, change and remove them", [
    serviceCreate(cli),
    serviceLs(cli),
    servicePs(cli),
    serviceInspect(cli),
    serviceExplain(cli),
    serviceLogs(cli),
    serviceExec(cli),
    serviceTop(cli),
    serviceUpdate(cli),
    serviceScale(cli),
    serviceRollback(cli),
    serviceStop(cli),
    serviceStart(cli),
    serviceRestart(cli),
    serviceRebalance(cli),
    serviceRm(cli),
  ]);
