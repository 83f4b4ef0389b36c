/** Loaded before everything else (`node --import`): puts the defect that the environment names into the source. */
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { MUTATIONS } from "./list.ts";
import { mutated } from "./mutation.ts";

export const MUTATION_VARIABLE = "MURMUR_SIM_MUTATION";

const name = process.env[MUTATION_VARIABLE];
const mutation = MUTATIONS.find((candidate) => candidate.name === name);
if (mutation === undefined) throw new Error(`there is no mutation ${String(name)}`);
const url = pathToFileURL(join(import.meta.dirname, "../../../..", mutation.file)).href;

registerHooks({
  load(asked, context, nextLoad) {
    const loaded = nextLoad(asked, context);
    if (asked !== url) return loaded;
    if (loaded.source === undefined || loaded.source === null) throw new Error(`${asked} has no source`);
    const text = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
    return { ...loaded, source: mutated(mutation, text) };
  },
});
