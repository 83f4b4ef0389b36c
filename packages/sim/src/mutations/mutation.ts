import type { ProfileName } from "../profile.ts";

/** One place of the source text, and what stands there instead. */
export interface SourceChange {
  /** The file, from the root of the repository. */
  readonly file: string;
  /** What stands there, exactly once. */
  readonly original: string;
  readonly mutant: string;
}

/**
 * A defect that other systems have had, as a change of the source. The simulator loads the source with the change in it
 * and must find out: a checker that can't fail proves nothing. The source itself has no trace of it.
 */
export interface Mutation {
  readonly name: string;
  /** What is wrong then, in a sentence. */
  readonly defect: string;
  /** Several where the source protects itself twice: each alone would change nothing that anybody could see. */
  readonly changes: readonly SourceChange[];
  /** Makes what the defect is in happen often enough. It is no defect: with it alone, no seed may fail. */
  readonly setting?: readonly SourceChange[];
  /** Whether a snapshot is due every moment; left out: as the seed has it. */
  readonly frequentSnapshots?: boolean;
  /** The profile whose faults bring it out. */
  readonly profile: ProfileName;
  /** Hosts; left out: as the seed has it. */
  readonly nodes?: number;
  /** How long things go wrong, in simulated seconds; left out: a minute. */
  readonly faultSeconds?: number;
}

/** The source with the change. Throws when the place isn't there any more, so that no mutation dies out unnoticed. */
export function changed({ file, original, mutant }: SourceChange, source: string): string {
  const parts = source.split(original);
  if (parts.length !== 2)
    throw new Error(`${file}: this stands there ${String(parts.length - 1)} times instead of once: ${original}`);
  return parts.join(mutant);
}
