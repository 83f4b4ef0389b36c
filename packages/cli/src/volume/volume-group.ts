import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { volumeCreate } from "./volume-create.ts";
import { volumeInspect } from "./volume-inspect.ts";
import { volumeLs } from "./volume-ls.ts";
import { volumePrune } from "./volume-prune.ts";
import { volumeRm } from "./volume-rm.ts";

export const volumeGroup = (cli: Cli): Command =>
  newGroup("volume", "Create volumes on the nodes, look at them and remove them", [
    volumeCreate(cli),
    volumeLs(cli),
    volumeInspect(cli),
    volumePrune(cli),
    volumeRm(cli),
  ]);
