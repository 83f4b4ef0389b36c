import { AGENT_MUTATIONS } from "./agent-mutations.ts";
import { DISCOVERY_MUTATIONS } from "./discovery-mutations.ts";
import { GOSSIP_MUTATIONS } from "./gossip-mutations.ts";
import { GUEST_MUTATIONS } from "./guest-mutations.ts";
import { MANAGER_MUTATIONS } from "./manager-mutations.ts";
import type { Mutation } from "./mutation.ts";
import { NAME_MUTATIONS } from "./name-mutations.ts";
import { NETWORK_MUTATIONS } from "./network-mutations.ts";
import { PAYLOAD_MUTATIONS } from "./payload-mutations.ts";
import { RAFT_MUTATIONS } from "./raft-mutations.ts";
import { STORAGE_MUTATIONS } from "./storage-mutations.ts";

/** The known defects, by the part of the system that they are in. */
export const MUTATIONS: readonly Mutation[] = [
  ...RAFT_MUTATIONS,
  ...STORAGE_MUTATIONS,
  ...MANAGER_MUTATIONS,
  ...AGENT_MUTATIONS,
  ...PAYLOAD_MUTATIONS,
  ...DISCOVERY_MUTATIONS,
  ...NAME_MUTATIONS,
  ...GUEST_MUTATIONS,
  ...NETWORK_MUTATIONS,
  ...GOSSIP_MUTATIONS,
];
