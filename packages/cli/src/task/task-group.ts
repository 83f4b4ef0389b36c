import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { taskInspect } from "./task-inspect.ts";
import { taskLs } from "./task-ls.ts";

export const taskGroup = (cli: Cli): Command => newGroup("task", "Look at tasks", [taskLs(cli), taskInspect(cli)]);
