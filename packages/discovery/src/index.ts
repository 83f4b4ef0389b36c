export { EndpointComputer } from "./endpoint-computer.ts";
export { endpointTable } from "./endpoint-table.ts";
export { NameIndex, ZONE, type NameIndexOptions, type Scope } from "./name-index.ts";
export { pickLeastConnections, pickRoundRobin, type Candidates } from "./pick.ts";
export type { DnsRecord, Question, Resolution } from "./record.ts";
export { resolveName, type ResolveContext } from "./resolve.ts";
export { isUsable, NO_SUSPECTS, type Suspects } from "./suspects.ts";
