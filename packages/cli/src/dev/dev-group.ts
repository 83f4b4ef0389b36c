import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { devDown } from "./dev-down.ts";
import { devStatus } from "./dev-status.ts";
import { devUp } from "./dev-up.ts";

export const devGroup = (cli: Cli): Command =>
  newGroup("dev", "Run a whole cluster on this machine, to try things", [devUp(cli), devDown(cli), devStatus(cli)]);
