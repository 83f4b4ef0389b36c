import { objectAt } from "../tree.ts";
import { dictionary, listOf, object, setOf, textOrTexts, texts } from "./collections.ts";
import { ulimits } from "./device.ts";
import { extraHosts } from "./hosts.ts";
import { references } from "./reference.ts";
import { bytes, flag, loose, text } from "./values.ts";

/** Checked in full, though a cluster builds nothing: a mistake is better told than left. */
export const build = object(
  {
    context: text,
    dockerfile: text,
    dockerfile_inline: text,
    entitlements: texts,
    args: dictionary,
    ssh: dictionary,
    labels: dictionary,
    cache_from: listOf(text),
    cache_to: listOf(text),
    no_cache: flag,
    no_cache_filter: textOrTexts,
    additional_contexts: dictionary,
    network: text,
    provenance: loose,
    sbom: loose,
    pull: flag,
    target: text,
    shm_size: bytes,
    extra_hosts: extraHosts,
    isolation: text,
    privileged: flag,
    secrets: references,
    tags: setOf(text),
    ulimits,
    platforms: texts,
  },
  {
    long: (tree) =>
      tree.kind === "scalar" && typeof tree.value === "string"
        ? objectAt({ context: { ...tree, tag: undefined } }, tree.place)
        : tree,
  },
);
