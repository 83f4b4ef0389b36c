import type { Filters } from "@murmur/api";
import type { Option } from "commander";
import { invalid } from "./argument-error.ts";
import { listOption } from "./command.ts";

export const filterOption = (example: string): Option =>
  listOption("-f, --filter <filter>", `Only what fits, such as ${example}; may be repeated`);

/** `name=web` as the API has it; several of one name are alternatives. Errors: `invalid_argument`. */
export function parseFilters(texts: readonly string[]): Filters {
  const filters: Record<string, string[]> = {};
  for (const text of texts) {
    const cut = text.indexOf("=");
    if (cut <= 0) throw invalid(`invalid filter '${text}': give NAME=VALUE`);
    const name = text.slice(0, cut).trim().toLowerCase();
    (filters[name] ??= []).push(text.slice(cut + 1).trim());
  }
  return filters;
}
