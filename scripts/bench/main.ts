/** `npm run bench -- NAME`: prints a table and, as the last line, one JSON object. */
import { printReport, type Report } from "./report.ts";

const BENCHES: Readonly<Record<string, () => Promise<() => Promise<Report>>>> = {
  raft: async () => (await import("./raft.ts")).raft,
  failover: async () => (await import("./failover.ts")).failover,
  deploy: async () => (await import("./deploy.ts")).deploy,
  idle: async () => (await import("./idle.ts")).idle,
  startup: async () => (await import("./startup.ts")).startup,
  election: async () => (await import("./election.ts")).election,
  lifeguard: async () => (await import("./lifeguard.ts")).lifeguard,
  dissemination: async () => (await import("./dissemination.ts")).dissemination,
  dns: async () => (await import("./dns.ts")).dns,
  partitions: async () => (await import("./partitions.ts")).partitions,
  packing: async () => (await import("./packing.ts")).packing,
  schedule: async () => (await import("./schedule.ts")).schedule,
  store: async () => (await import("./store.ts")).store,
  rules: async () => (await import("./rules.ts")).rules,
  staleness: async () => (await import("./staleness.ts")).staleness,
  update: async () => (await import("./update.ts")).update,
  vip: async () => (await import("./vip.ts")).vip,
  api: async () => (await import("./api.ts")).api,
  publish: async () => (await import("./publish.ts")).publish,
};

const [name = ""] = process.argv.slice(2);
const load = BENCHES[name];
if (load === undefined) {
  console.error(`usage: npm run bench -- NAME, with NAME one of ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}
process.env["TESTCONTAINERS_RYUK_DISABLED"] ??= "true";
const bench = await load();
printReport(await bench());
