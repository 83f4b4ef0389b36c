import { invalid } from "../argument-error.ts";

const DIGITS = 9;

/** `0.5`, `2`, `.25`: CPUs, as billionths of one. Errors: `invalid_argument`, also for more than nine decimals. */
export function parseCpus(text: string): number {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text);
  const [, whole = "", part = ""] = match ?? [];
  const nano = Number(whole + part.padEnd(DIGITS, "0"));
  if (match === null || whole + part === "" || !Number.isSafeInteger(nano)) {
    throw invalid(`invalid number of CPUs '${text}': give a decimal, such as 0.5`);
  }
  if (part.length > DIGITS) throw invalid(`invalid number of CPUs '${text}': no more than nine decimals`);
  return nano;
}
