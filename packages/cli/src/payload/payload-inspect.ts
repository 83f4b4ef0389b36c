import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { newCommand } from "../command.ts";
import { inspectAll, inspectFormatOption, prettyOption, type InspectFlags } from "../format/inspect.ts";
import type { Payload, PayloadKind } from "./payload-kind.ts";

export function payloadInspect(cli: Cli, { word, argument, find }: PayloadKind): Command {
  return newCommand({
    name: "inspect",
    usage: `[OPTIONS] ${argument} [${argument}...]`,
    summary: `Show all about one or more ${word}s`,
    ...(word === "secret" && { details: "All but the content, which is never shown." }),
    examples: [{ says: "For people", line: `murmur ${word} inspect --pretty db` }],
  })
    .argument(`<${word}s...>`, "Ids or names")
    .addOption(inspectFormatOption())
    .addOption(prettyOption())
    .action(async (names: readonly string[], flags: InspectFlags) => {
      const client = await cli.client();
      await inspectAll(cli, names, { ...flags, find: (name) => find(client, name), text: textOf });
    });
}

/** As Docker's `--pretty`. */
function textOf({ ID, Spec, CreatedAt, UpdatedAt }: Payload): string {
  const labels = Object.entries(Spec.Labels).map(([key, value]) => ` - ${key}${value === "" ? "" : `=${value}`}`);
  return [
    `ID:          ${ID}`,
    `Name:        ${Spec.Name}`,
    ...(labels.length > 0 ? ["Labels:", ...labels] : []),
    ...(Spec.Templating === undefined ? [] : [`Templating:  ${Spec.Templating.Name ?? ""}`]),
    `Created at:  ${CreatedAt}`,
    `Updated at:  ${UpdatedAt}`,
    ...("Data" in Spec ? ["Data:", Buffer.from(Spec.Data, "base64").toString()] : []),
  ].join("\n");
}
