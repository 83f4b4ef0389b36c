export { EndpointComputer } from "./endpoint-computer.ts";
export { endpointTable } from "./endpoint-table.ts";
export { NameIndex, ZONE, type NameIndexOptions, type Scope } from "./name-index.ts";
export { costOf, observed, pickCheaper, type Latency } from "./peak-ewma.ts";
export { localFirst, pickLeastConnections, pickRandom, pickRoundRobin, type Candidates } from "./pick.ts";
export { pickBySource } from "./pick-by-source.ts";
export type { DnsRecord, Question, Resolution } from "./record.ts";
export { resolveName, type ResolveContext } from "./resolve.ts";
export { isUsable, NO_SUSPECTS, type Suspects } from "./suspects.ts";
