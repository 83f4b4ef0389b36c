import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { networkCreate } from "./network-create.ts";
import { networkInspect } from "./network-inspect.ts";
import { networkLs } from "./network-ls.ts";
import { networkPrune } from "./network-prune.ts";
import { networkRm } from "./network-rm.ts";

export const networkGroup = (cli: Cli): Command =>
  newGroup("network", "Create networks, look at them and remove them", [
    networkCreate(cli),
    networkLs(cli),
    networkInspect(cli),
    networkRm(cli),
    networkPrune(cli),
  ]);
