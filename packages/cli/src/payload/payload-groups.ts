import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newGroup } from "../command.ts";
import { payloadCreate } from "./payload-create.ts";
import { payloadInspect } from "./payload-inspect.ts";
import { CONFIG, SECRET, type PayloadKind } from "./payload-kind.ts";
import { payloadLs } from "./payload-ls.ts";
import { payloadRm } from "./payload-rm.ts";

const groupOf = (cli: Cli, kind: PayloadKind): Command =>
  newGroup(kind.word, `Create ${kind.word}s, look at them and remove them`, [
    payloadCreate(cli, kind),
    payloadLs(cli, kind),
    payloadInspect(cli, kind),
    payloadRm(cli, kind),
  ]);

export const secretGroup = (cli: Cli): Command => groupOf(cli, SECRET);
export const configGroup = (cli: Cli): Command => groupOf(cli, CONFIG);
