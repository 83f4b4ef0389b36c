import { codeOf } from "@murmur/base";
import { Option } from "commander";
import type { Cli } from "../cli.ts";
import { invalid } from "../argument-error.ts";
import { printJson } from "./listing.ts";

export interface InspectFlags {
  readonly pretty?: boolean;
  readonly format?: string;
}

export const prettyOption = (): Option => new Option("--pretty", "Show it for people");
/** JSON is what inspect shows anyway; the flag is there because every command has it. */
export const inspectFormatOption = (): Option => new Option("-f, --format <format>", "json").choices(["json"]);

/**
 * Looks several objects up and shows those that there are, as one JSON array or for people. One that isn't there is
 * thrown after the others were shown, as Docker does.
 */
export async function inspectAll<T>(
  cli: Cli,
  names: readonly string[],
  how: InspectFlags & { readonly find: (name: string) => Promise<T>; readonly text?: (object: T) => string },
): Promise<void> {
  if (how.pretty === true && how.format !== undefined) throw invalid("--format is incompatible with --pretty");
  const found: T[] = [];
  let missing: unknown;
  for (const name of names) {
    try {
      found.push(await how.find(name));
    } catch (error) {
      if (codeOf(error) !== "not_found" && codeOf(error) !== "invalid_argument") throw error;
      missing ??= error;
    }
  }
  if (how.pretty === true && how.text !== undefined) cli.print(found.map(how.text).join("\n\n"));
  else printJson(cli, found);
  if (missing !== undefined) throw missing;
}
