/** The most tasks that one node spreads the flows of a service over. With more, each node takes others of them. */
export const SLOTS_MAX = 1_024;
/** Slots for each task of a table by source: at more, the loads differ less, and the table is larger. */
const SLOTS_PER_TASK = 16;

export interface Candidate {
  /** What its place in a table by source depends on. */
  readonly id: string;
  readonly address: string;
}

/** Those whom one node spreads flows over: all, or a choice that differs from node to node. Sorted by id. */
export function spreadOver<T extends Candidate>(candidates: readonly T[], nodeId: string): readonly T[] {
  const sorted = candidates.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  if (sorted.length <= SLOTS_MAX) return sorted;
  const scored = sorted.map((candidate) => ({ candidate, score: score(`${nodeId} ${candidate.id}`) }));
  const chosen = scored.toSorted((left, right) => right.score - left.score).slice(0, SLOTS_MAX);
  return chosen.map(({ candidate }) => candidate).toSorted((left, right) => (left.id < right.id ? -1 : 1));
}

/**
 * A table from the hash of a source to a task: rendezvous hashing (Thaler and Ravishankar, 1998) of slots in place of
 * clients, with a quota, so that no task has more than one slot above its share. Every node computes the same one; a task
 * that comes or goes moves its own share of the slots and few others, unless the table doubles or halves with it.
 */
export function sourceSlots(candidates: readonly Candidate[]): readonly string[] {
  const size = slotsFor(candidates.length);
  const quota = Math.ceil(size / candidates.length);
  const taken = new Map<string, number>();
  return Array.from({ length: size }, (_, slot) => {
    let best: { candidate: Candidate; score: number } | undefined;
    for (const candidate of candidates) {
      if ((taken.get(candidate.id) ?? 0) >= quota) continue;
      const own = score(`${String(slot)} ${candidate.id}`);
      if (best === undefined || own > best.score) best = { candidate, score: own };
    }
    if (best === undefined) return "";
    taken.set(best.candidate.id, (taken.get(best.candidate.id) ?? 0) + 1);
    return best.candidate.address;
  });
}

/** A power of two, so that the size, and with it every slot's meaning, seldom changes. */
const slotsFor = (candidates: number): number =>
  Math.min(SLOTS_MAX * 4, 2 ** Math.ceil(Math.log2(Math.max(8, candidates) * SLOTS_PER_TASK)));

/** 32 bits that look like chance: FNV-1a, finished by murmur3's mixer. */
function score(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
