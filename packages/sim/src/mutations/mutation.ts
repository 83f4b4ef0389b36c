import type { ProfileName } from "../profile.ts";

/**
 * A defect that other systems have had, as a change of one place of the source. The simulator loads the source with the
 * change in it and must find out: a checker that can't fail proves nothing. The source itself has no trace of it.
 */
export interface Mutation {
  readonly name: string;
  /** What is wrong then, in a sentence. */
  readonly defect: string;
  /** The file, from the root of the repository. */
  readonly file: string;
  /** What stands there, exactly once. */
  readonly original: string;
  readonly mutant: string;
  /** The profile whose faults bring it out. */
  readonly profile: ProfileName;
}

/** The source with the defect. Throws when the place isn't there any more, so that no mutation dies out unnoticed. */
export function mutated(mutation: Mutation, source: string): string {
  const parts = source.split(mutation.original);
  if (parts.length !== 2) {
    throw new Error(
      `mutation ${mutation.name}: the original text stands ${String(parts.length - 1)} times in ${mutation.file}`,
    );
  }
  return parts.join(mutation.mutant);
}
