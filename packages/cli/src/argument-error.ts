import { ClusterError } from "@murmur/base";

/** What the user typed can't be meant. */
export const invalid = (message: string): ClusterError => new ClusterError("invalid_argument", message);
