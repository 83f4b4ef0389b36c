/** Docker's own words. */
export const LOCKED =
  'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.';

/** Docker's own words, which clients look for, and then Murmur's way. */
export const NOT_IN_CLUSTER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm ' +
  "and try again. (Or `murmur cluster init`, `murmur node join`.)";
