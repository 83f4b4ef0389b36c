import type { Index } from "@murmur/model";

/**
 * What is known of an object's version: that it is `at`, or that it is `at` at least. Versions are indices of the
 * replicated log, so a model can't foretell them; it demands that they grow.
 */
export interface VersionBelief {
  readonly at: Index;
  readonly exact: boolean;
}

/**
 * Whose writes change versions. `clients_only`: those in the history and no others. `others_too`: the cluster's own as
 * well (the progress of an update, the state of a node), so a version may have grown since it was seen.
 */
export type Writers = "clients_only" | "others_too";

/** After the version was seen to be `at`. */
export const seen = (at: Index, writers: Writers): VersionBelief => ({ at, exact: writers === "clients_only" });

/** Whether the version may be `version`. */
export const mayBe = (belief: VersionBelief, version: Index): boolean =>
  belief.exact ? version === belief.at : version >= belief.at;

/**
 * After a write above all versions so far: with the version that it was answered with, if it was. Undefined when that
 * one is not above them.
 */
export function grown(above: Index, version: Index | undefined, writers: Writers): VersionBelief | undefined {
  if (version === undefined) return { at: above + 1, exact: false };
  return version > above ? seen(version, writers) : undefined;
}

/**
 * After an update that named `version` was refused as out of date; undefined when it was not out of date. Invariant of
 * the clients: they name versions that they have seen, so one that is not current is an older one.
 */
export function outgrown(belief: VersionBelief, version: Index): VersionBelief | undefined {
  if (version < belief.at) return belief;
  if (belief.exact) return version === belief.at ? undefined : belief;
  return { at: version + 1, exact: false };
}

export const describeVersion = ({ at, exact }: VersionBelief): string => `version ${exact ? "" : "≥ "}${String(at)}`;
