import type { Endpoint } from "@murmur/model";
import { isCandidate, type Candidates } from "./pick.ts";

/**
 * The candidate of a client's address: rendezvous hashing (Thaler and Ravishankar, 1998). Every node chooses the same one
 * for it. When a candidate goes only its own clients move, spread over the others; one that comes takes its share of
 * every other's and moves nobody else.
 */
export function pickBySource(candidates: Candidates, source: string): Endpoint | undefined {
  const client = hashText(source);
  let best: Endpoint | undefined;
  let highest = -1;
  for (const endpoint of candidates.endpoints) {
    if (!isCandidate(endpoint, candidates)) continue;
    const score = mix(client, hashText(endpoint.taskId));
    const isHigher = score > highest || (score === highest && best !== undefined && endpoint.taskId < best.taskId);
    if (!isHigher) continue;
    best = endpoint;
    highest = score;
  }
  return best;
}

/** 32 bits of FNV-1a (Fowler, Noll, Vo). */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** 53 bits of both, that look like chance: two rounds of Murmur3's finisher with different beginnings. */
function mix(client: number, task: number): number {
  const first = finish(client ^ Math.imul(task, 0x9e3779b1));
  const second = finish(task ^ Math.imul(client, 0x85ebca77) ^ first);
  return first * 2 ** 21 + (second >>> 11);
}

function finish(seed: number): number {
  let hash = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
