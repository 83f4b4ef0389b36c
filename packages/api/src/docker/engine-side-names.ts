import { fieldsIn } from "./attach-by-hand.ts";
import { OWN_LABEL } from "./network-filter.ts";

/** What an engine calls its side of a network of the cluster, as a whole text of JSON: see `engineNetworkName`. */
const SIDE = /"murmur\.([a-zA-Z0-9][a-zA-Z0-9_.-]*)\.[a-z0-9]{12}"/g;
/** The same within a sentence. */
const SIDE_IN_WORDS = /\bmurmur\.([a-zA-Z0-9][a-zA-Z0-9_.-]*)\.[a-z0-9]{12}\b/g;

/** Whether a JSON text of the engine's may name its sides of the cluster's networks. */
export const namesSides = (json: string): boolean => json.search(SIDE) >= 0;

/**
 * A JSON text of the engine's with the cluster's names, and the ids that `listed` tells, in place of the engine's own. The
 * rest stays as it is, byte for byte. `listed`: the engine's networks with the label, as it shows them.
 */
export function withClusterNames(json: string, listed: unknown): string {
  let text = json.replaceAll(SIDE, '"$1"');
  for (const network of Array.isArray(listed) ? (listed as readonly unknown[]) : []) {
    const { Id, Labels } = fieldsIn(network);
    const own = fieldsIn(Labels)[OWN_LABEL];
    if (typeof Id === "string" && typeof own === "string") text = text.replaceAll(`"${Id}"`, JSON.stringify(own));
  }
  return text;
}

const AGAIN = /endpoint with name (\S+) already exists in network (\S+)$/;

/** A refusal of the engine's in the cluster's names; what Docker has other words for, in those. */
export const inClusterNames = (message: string): string =>
  message.replaceAll(SIDE_IN_WORDS, "$1").replace(AGAIN, "$1 is already attached to network $2");
