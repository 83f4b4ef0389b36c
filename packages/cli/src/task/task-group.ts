import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { taskExec } from "./task-exec.ts";
import { taskExplain } from "./task-explain.ts";
import { taskInspect } from "./task-inspect.ts";
import { taskLogs } from "./task-logs.ts";
import { taskLs } from "./task-ls.ts";

export const taskGroup = (cli: Cli): Command =>
  newGroup("task", "Look at tasks", [taskLs(cli), taskInspect(cli), taskExplain(cli), taskLogs(cli), taskExec(cli)]);
