import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sendSignal } from "./background.ts";
import { REAL_CLOCK, runMurmur } from "../testing/run-murmur.ts";

/** A program in the daemon's place: answers pings, and one request by what the test wants. */
const STANDIN = `
import { createServer } from "node:http";
const [behaviour, ...args] = process.argv.slice(2);
const socket = args[args.indexOf("--socket") + 1];
if (behaviour === "dies") { console.error("port 7373 is in use"); process.exit(1); }
const answer = behaviour === "joins" ? [200, { nodeId: "n2", address: "a" }] : [400, { message: "the token is not valid" }];
createServer((request, response) => {
  const [status, body] = request.url === "/_ping" ? [200, {}] : answer;
  response.writeHead(status, { "content-type": "application/json", "murmur-error-code": status === 200 ? "" : "unauthenticated" });
  response.end(JSON.stringify(body));
}).listen(socket);
console.log("pid", process.pid);
`;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "murmur-background-"));
  await writeFile(join(folder, "standin.mjs"), STANDIN);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a daemon may take to start is measured by it: three times as long, for machines that are held up. */
const PATIENT_CLOCK = { ...REAL_CLOCK, monotonic: () => performance.now() / 3 };

const join2 = (behaviour: string) =>
  runMurmur(["--socket", join(folder, `${behaviour}.sock`), "node", "join", "--token", "T", "10.0.0.1:7373"], {
    self: [process.execPath, join(folder, "standin.mjs"), behaviour],
    env: { MURMUR_DATA_DIR: join(folder, behaviour) },
    clock: PATIENT_CLOCK,
  });

it("is started for a first request, says so, and stays", async () => {
  const { stdout, stderr, status } = await join2("joins");
  expect({ stdout, status }).toEqual({ stdout: "This host joined the cluster as node n2.\n", status: 0 });
  const [, pid = "", log] =
    /^Started the Murmur daemon in the background \(process (\d+), log (.*)\)\.\n$/.exec(stderr) ?? [];
  expect(log).toBe(join(folder, "joins", "daemon.log"));
  expect(sendSignal(Number(pid), "SIGKILL")).toBe(true);
});

it("is stopped again when the request fails, which is the one line", async () => {
  const { stderr, status } = await join2("refuses");
  expect({ stderr, status }).toEqual({ stderr: "murmur: the token is not valid\n", status: 3 });
});

it("that can't start is reported with the end of its log", async () => {
  const { stderr, status } = await join2("dies");
  expect(stderr).toBe(
    `murmur: the daemon that was started ended at once; see ${join(folder, "dies", "daemon.log")}, its last lines: port 7373 is in use\n`,
  );
  expect(status).toBe(7);
});

it("puts a log that has grown large aside", async () => {
  const logFile = join(folder, "refuses-large", "daemon.log");
  await mkdir(join(folder, "refuses-large"));
  await writeFile(logFile, Buffer.alloc(17 * 1024 * 1024, "x"));
  await runMurmur(["--socket", join(folder, "large.sock"), "node", "join", "--token", "T", "10.0.0.1:7373"], {
    self: [process.execPath, join(folder, "standin.mjs"), "dies"],
    env: { MURMUR_DATA_DIR: join(folder, "refuses-large") },
  });
  expect((await stat(`${logFile}.1`)).size).toBe(17 * 1024 * 1024);
  expect((await stat(logFile)).size).toBeLessThan(10_000);
});
