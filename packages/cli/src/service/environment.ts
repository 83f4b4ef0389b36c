import { invalid } from "../argument-error.ts";
import type { FlagContext } from "./flag.ts";

export const keyOfVariable = (variable: string): string => variable.split("=", 1)[0] ?? "";

/** `KEY=VALUE`, or `KEY` for this process's own value; one that isn't set here is left out, as by Docker. */
export function readVariables(texts: readonly string[], { env }: FlagContext): string[] {
  return texts.flatMap((text) => {
    const key = keyOfVariable(text);
    if (key === "") throw invalid(`invalid environment variable '${text}': give KEY=VALUE, or KEY for its value here`);
    if (text.includes("=")) return [text];
    const value = env[key];
    return value === undefined ? [] : [`${key}=${value}`];
  });
}

/** The lines of files: variables as above; empty lines and those that start with # are passed over. */
export function readVariableFiles(paths: readonly string[], context: FlagContext): string[] {
  return paths.flatMap((path) => {
    const lines = context
      .readFile(path)
      .replace(/^\uFEFF/, "")
      .split(/\r?\n/)
      .map((line) => line.trimStart());
    const variables = lines.filter((line) => line !== "" && !line.startsWith("#"));
    const odd = variables.find((line) => /\s/.test(keyOfVariable(line)));
    if (odd !== undefined) throw invalid(`${path}: variable '${keyOfVariable(odd)}' contains white space`);
    return readVariables(variables, context);
  });
}
