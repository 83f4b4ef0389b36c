/** A node's identity: 25 characters of base 36, as Docker's ids. Everything in the cluster speaks of nodes. */
export type NodeId = string & { readonly __brand: "NodeId" };
/** Brands a string that is already known to be a node id. */
export const nodeId = (text: string): NodeId => text as NodeId;

/** Length of every id, as in Docker's swarm mode: 25 characters of [0-9a-z], about 128 random bits. */
export const ID_LENGTH = 25;

const ID_PATTERN = /^[0-9a-z]{25}$/;
/** Whether a text has the form of an id. */
export const isId = (text: string): boolean => ID_PATTERN.test(text);
