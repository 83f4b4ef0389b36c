/** Tasks that one request to a node may name: as many as fit the request that opens a stream between nodes. */
export const TASKS_MAX = 512;
