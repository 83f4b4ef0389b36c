/** Loaded before everything else (`node --import`): puts the defect that the environment names into the source. */
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { MUTATIONS } from "./list.ts";
import { changed, type SourceChange } from "./mutation.ts";

const name = process.env["MURMUR_SIM_MUTATION"];
const mutation = MUTATIONS.find((candidate) => candidate.name === name);
if (mutation === undefined) throw new Error(`there is no mutation ${String(name)}`);
const defect = process.env["MURMUR_SIM_SETTING_ONLY"] === undefined ? mutation.changes : [];
const byUrl = Map.groupBy([...(mutation.setting ?? []), ...defect], urlOf);

registerHooks({
  load(asked, context, nextLoad) {
    const loaded = nextLoad(asked, context);
    const changes = byUrl.get(asked);
    if (changes === undefined) return loaded;
    if (loaded.source === undefined || loaded.source === null) throw new Error(`${asked} has no source`);
    const text = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
    return { ...loaded, source: changes.reduce((source, change) => changed(change, source), text) };
  },
});

function urlOf({ file }: SourceChange): string {
  return pathToFileURL(join(import.meta.dirname, "../../../..", file)).href;
}
