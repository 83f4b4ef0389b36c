import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadBackups, type RecoveryPlan } from "@murmur/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { complete } from "../completion/candidates.ts";
import { createProgram } from "../program.ts";
import { Cli } from "../cli.ts";
import { INERT_PORTS } from "../inert-ports.ts";
import { FakeDaemon, type Route } from "../testing/fake-daemon.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";
import type { CliPorts } from "../ports.ts";

const header = {
  clusterId: "c1",
  clusterName: "prod",
  index: 42,
  term: 3,
  generation: 0,
  takenAt: Date.parse("2026-11-21T03:00:00Z"),
  murmurVersion: "0.1.0",
  counts: { nodes: 3, services: 1, tasks: 9 },
};
let folder: string;
let pieces: Uint8Array[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "murmur-backup-"));
  const { encodeBackup } = await loadBackups();
  pieces = [];
  for await (const piece of encodeBackup(header, [new Uint8Array(5_000).fill(7)])) pieces.push(piece);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function murmur(
  words: readonly string[],
  routes: Record<string, Route>,
  ports: Partial<CliPorts> = {},
): Promise<Ran & { readonly daemon: FakeDaemon }> {
  await using daemon = await FakeDaemon.start({ "GET /_ping": () => ({ json: "OK" }), ...routes });
  return { ...(await runMurmur(["--socket", daemon.socketPath, ...words], ports)), daemon };
}

const inFolder = (): Promise<string[]> => readdir(folder);

describe("cluster backup", () => {
  const whole = { "GET /murmur/cluster/backup": () => ({ bytes: pieces }) };

  it("puts a whole file in place that only its owner may read, and says what it holds", async () => {
    const file = join(folder, "one");
    await writeFile(file, "an older one");
    const { status, stdout } = await murmur(["cluster", "backup", file], whole);
    expect(status).toBe(0);
    expect(stdout).toContain(`Wrote the state of cluster prod at entry 42 to ${file}`);
    expect(stdout).toContain("3 nodes, 1 service, 9 tasks");
    expect(stdout).toContain("It holds the cluster's keys");
    expect(Buffer.concat(pieces).equals(await readFile(file))).toBe(true);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await inFolder()).toEqual(["one"]);
  });

  it("says it in JSON", async () => {
    const { stdout } = await murmur(["cluster", "backup", "--format", "json", join(folder, "one")], whole);
    expect(JSON.parse(stdout)).toMatchObject({ index: 42, counts: { tasks: 9 }, bytes: Buffer.concat(pieces).length });
  });

  it("leaves nothing behind that is broken, and keeps what was there", async () => {
    const file = join(folder, "one");
    const before = await readFile(file);
    const cut = { "GET /murmur/cluster/backup": () => ({ bytes: pieces.slice(0, 2), breakOff: true }) };
    const { status, stderr } = await murmur(["cluster", "backup", file], cut);
    expect(status).toBe(7);
    expect(stderr).toMatch(/^murmur: the backup broke off: .*\n$/);
    const short = { "GET /murmur/cluster/backup": () => ({ bytes: pieces.slice(0, 2) }) };
    const ended = await murmur(["cluster", "backup", file], short);
    expect([ended.status, ended.stderr]).toEqual([1, expect.stringContaining("the backup is not complete")]);
    const refused = { "GET /murmur/cluster/backup": () => ({ status: 503, code: "no_leader", message: "no leader" }) };
    expect((await murmur(["cluster", "backup", file], refused)).status).toBe(7);
    expect((await readFile(file)).equals(before)).toBe(true);
    expect(await inFolder()).toEqual(["one"]);
  });

  it("writes to standard output, but to no terminal", async () => {
    const { status, bytes, stdout } = await murmur(["cluster", "backup", "-"], whole);
    expect([status, stdout, Buffer.concat(pieces).equals(bytes)]).toEqual([0, "", true]);
    const stdoutPort = { write: () => {}, writeBytes: async () => {}, isTerminal: true, columns: 80, rows: 0 };
    const refused = await murmur(["cluster", "backup", "-"], whole, { stdout: stdoutPort });
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("into a file or a pipe")]);
  });

  it("says in one line why a file can't be written", async () => {
    const missing = await murmur(["cluster", "backup", join(folder, "no", "such")], whole);
    expect([missing.status, missing.stderr]).toEqual([2, expect.stringMatching(/no such file or folder\n$/)]);
    const { stderr } = await murmur(["cluster", "backup", folder], whole);
    expect(stderr).toMatch(/^murmur: .* is a folder: give the name of a file\n$/);
  });
});

describe("cluster restore", () => {
  const answer = {
    nodeId: "n9",
    address: "10.1.0.1:7373",
    clusterId: "c1",
    clusterName: "prod",
    joinToken: "MURMUR-1-x",
    keeps: header.counts,
  };
  const restores = { "POST /murmur/cluster/restore": () => ({ json: answer }) };

  it("shows what is in a file without a daemon", async () => {
    const file = join(folder, "one");
    const { status, stdout } = await runMurmur(["cluster", "restore", "--show", file]);
    expect(status).toBe(0);
    expect(stdout.split("\n")).toEqual([
      "Cluster:     prod (c1)",
      "Taken:       2026-11-21T03:00:00.000Z",
      "Position:    entry 42, term 3",
      "Holds:       3 nodes, 1 service, 9 tasks",
      "Written by:  Murmur 0.1.0",
      "",
    ]);
    const json = await runMurmur(["cluster", "restore", "--show", "--format", "json", file]);
    expect(JSON.parse(json.stdout)).toEqual(header);
  });

  it("sends the file with what was said", async () => {
    const file = join(folder, "one");
    const flags = "--advertise-addr 10.1.0.1 --forget-nodes --label a=b --secrets-key k1".split(" ");
    const line = ["cluster", "restore", ...flags, file];
    const { status, stdout, daemon } = await murmur(line, restores);
    expect(status).toBe(0);
    expect(stdout).toContain("Cluster prod restored: current node (n9) is now its only manager.");
    expect(stdout).toContain("murmur node join --token MURMUR-1-x 10.1.0.1:7373");
    const asked = daemon.asked.find(({ path }) => path === "/murmur/cluster/restore");
    expect(JSON.parse(asked?.query.get("options") ?? "")).toEqual({
      advertiseAddr: "10.1.0.1",
      availability: "active",
      labels: { a: "b" },
      forgetNodes: true,
      force: false,
      secretsKey: "k1",
    });
    expect(Buffer.concat(pieces).equals(asked?.body as Buffer)).toBe(true);
  });

  it("checks the file before it asks the daemon for anything", async () => {
    const file = join(folder, "bad");
    const bytes = Buffer.concat(pieces);
    bytes[1_000] = 0;
    await writeFile(file, bytes);
    const { status, stderr, daemon } = await murmur(["cluster", "restore", file], restores);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/bad: the backup is damaged at byte \d+: its checksum/),
    ]);
    expect(daemon.asked).toEqual([]);
    await writeFile(file, "something else");
    expect((await murmur(["cluster", "restore", file], restores)).stderr).toContain("this is no backup");
    expect((await murmur(["cluster", "restore", join(folder, "none")], restores)).stderr).toContain("no such file");
  });

  it("completes files", () => {
    using cli = new Cli(INERT_PORTS);
    expect(complete(createProgram(cli), ["cluster", "restore", ""]).names).toBe("files");
  });
});

describe("cluster recover", () => {
  const plan: RecoveryPlan = {
    cluster: { id: "c1", name: "prod" },
    node: { id: "n1", hostname: "host1", address: "10.0.0.1:7373" },
    advised: true,
    verdict: "most managers can't be reached",
    managers: [
      {
        id: "n1",
        hostname: "host1",
        address: "10.0.0.1:7373",
        role: "voter",
        state: "this node",
        log: { term: 3, index: 9 },
      },
      {
        id: "n2",
        hostname: "host2",
        address: "10.0.0.2:7373",
        role: "voter",
        state: "unreachable",
        deadSince: "2026-11-21T03:00:00.000Z",
      },
    ],
    log: { term: 3, lastIndex: 9, committed: 7, uncommitted: 2, lastChangeAt: "2026-11-21T02:59:00.000Z" },
    keeps: { nodes: 3, services: 1, tasks: 9, running: 6 },
    mayLose: ["changes that host2 had acknowledged"],
  };
  const clock = {
    now: () => Date.parse("2026-11-21T03:05:00Z"),
    monotonic: () => 0,
    setTimer: () => ({ cancel: () => {} }),
  };
  const routes = (shown: RecoveryPlan = plan): Record<string, Route> => ({
    "GET /murmur/cluster/recovery": () => ({ json: shown }),
    "POST /murmur/cluster/recovery": () => ({ json: shown }),
  });
  const done = ({ daemon }: { readonly daemon: FakeDaemon }): unknown =>
    daemon.asked.find(({ method }) => method === "POST")?.body;

  it("shows what is lost and asks for the cluster's name", async () => {
    const questions: string[] = [];
    const ask = async (question: string): Promise<string> => {
      questions.push(question);
      return " prod ";
    };
    const ran = await murmur(["cluster", "recover"], routes(), { ask, clock });
    expect(ran.status).toBe(0);
    expect(ran.stdout).toContain("up to entry 9 of term 3, 2 of them not known to be committed (they are kept)");
    expect(ran.stdout).toContain("host2     10.0.0.2:7373   voter     unreachable, dead since");
    expect(ran.stdout).toContain("  - changes that host2 had acknowledged");
    expect(ran.stdout).toContain("Possible: most managers can't be reached.");
    expect(questions).toEqual(["To make host1 the only manager, type the name of the cluster (prod): "]);
    expect(done(ran)).toEqual({ force: false });
  });

  it("changes nothing without a yes", async () => {
    const alone = await murmur(["cluster", "recover"], routes(), { clock });
    expect([alone.status, alone.stderr]).toEqual([6, expect.stringContaining("nothing was changed: say --yes")]);
    expect(done(alone)).toBeUndefined();
    const no = await murmur(["cluster", "recover"], routes(), { ask: async () => "n", clock });
    expect([no.status, done(no)]).toEqual([130, undefined]);
    const shown = await murmur(["cluster", "recover", "--dry-run", "--format", "json"], routes(), { clock });
    expect([shown.status, done(shown), JSON.parse(shown.stdout)]).toEqual([0, undefined, plan]);
  });

  it("does it at once with --yes", async () => {
    const ran = await murmur(["cluster", "recover", "--yes"], routes(), { clock });
    expect([ran.status, done(ran)]).toEqual([0, { force: false }]);
  });

  it("says what to do instead when it is not advised, and is overruled by --force alone", async () => {
    const elsewhere = { ...plan, advised: false, verdict: "host3 knows more: run `murmur cluster recover` there" };
    const refused = await murmur(["cluster", "recover", "--yes"], routes(elsewhere), { clock });
    expect([refused.status, done(refused)]).toEqual([6, undefined]);
    expect(refused.stderr).toBe("murmur: host3 knows more: run `murmur cluster recover` there\n");
    const forced = await murmur(["cluster", "recover", "--yes", "--force"], routes(elsewhere), { clock });
    expect([forced.status, done(forced)]).toEqual([0, { force: true }]);
  });
});
