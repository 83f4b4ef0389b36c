import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { serviceCreate } from "./service-create.ts";
import { serviceInspect } from "./service-inspect.ts";
import { serviceLs } from "./service-ls.ts";
import { servicePs } from "./service-ps.ts";
import { serviceRm } from "./service-rm.ts";
import { serviceRollback } from "./service-rollback.ts";
import { serviceScale } from "./service-scale.ts";
import { serviceUpdate } from "./service-update.ts";

export const serviceGroup = (cli: Cli): Command =>
  newGroup("service", "Create services, look at them, change and remove them", [
    serviceCreate(cli),
    serviceLs(cli),
    servicePs(cli),
    serviceInspect(cli),
    serviceUpdate(cli),
    serviceScale(cli),
    serviceRollback(cli),
    serviceRm(cli),
  ]);
