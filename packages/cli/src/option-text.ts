import type { Option } from "commander";

/** What the help and the reference say of an option: its description, then choices, default and variable. */
export function optionText({ description, argChoices, defaultValue, envVar }: Option, quote: string): string {
  const notes = [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.map((choice) => quote + choice + quote).join(", ")}`]),
    ...(typeof defaultValue === "string" ? [`default: ${quote}${defaultValue}${quote}`] : []),
    ...(envVar === undefined ? [] : [`env: ${envVar}`]),
  ];
  return notes.length === 0 ? description : `${description} (${notes.join("; ")})`;
}
