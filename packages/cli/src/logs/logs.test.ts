import { describe, expect, it } from "vitest";
import { FakeDaemon, type Route } from "../testing/fake-daemon.ts";
import { aNode, aService, aTask } from "../testing/objects.ts";
import { runMurmur } from "../testing/run-murmur.ts";
import { parseSince } from "./since.ts";

const AT = "2026-11-21T03:00:00.000000000Z";
const web = aService("web", { ID: "s1" });
const task = aTask(web, { slot: 2, id: "k2x9k2x9k2x9k2x9" });
const CONTEXT = `com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=${task.ID}`;

function frame(stream: number, text: string): Uint8Array {
  const payload = Buffer.from(text);
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.byteLength, 4);
  return Buffer.concat([head, payload]);
}

const missing: Route = () => ({ status: 404, code: "not_found", message: "not found" });
const routes = (bytes: readonly Uint8Array[]): Record<string, Route> => ({
  "GET /services/web": () => ({ json: web }),
  "GET /services/*": missing,
  "GET /tasks/*": ({ path }) =>
    path.endsWith("nothing") ? { status: 404, code: "not_found", message: "" } : { json: task },
  "GET /nodes/*": () => ({ json: aNode("host2") }),
  "GET /services/s1/logs": () => ({ bytes }),
  [`GET /tasks/${task.ID}/logs`]: () => ({ bytes }),
});

async function run(words: readonly string[], bytes: readonly Uint8Array[]) {
  await using daemon = await FakeDaemon.start(routes(bytes));
  const outputs: string[] = [];
  const output = (name: string) => ({
    isTerminal: false,
    columns: 80,
    rows: 0,
    write: (text: string) => void outputs.push(`${name}: ${text}`),
    writeBytes: async (part: Uint8Array) => void outputs.push(`${name}: ${Buffer.from(part).toString()}`),
  });
  const ports = { stdout: output("out"), stderr: output("err") };
  const { status } = await runMurmur(["--socket", daemon.socketPath, ...words], ports);
  return { status, outputs, query: daemon.asked.find(({ path }) => path.endsWith("/logs"))?.query.toString() };
}

describe("service logs", () => {
  it("begins each line with whose it is, and keeps the order of both outputs", async () => {
    const bytes = [
      Buffer.concat([frame(1, `${CONTEXT} one\n`), frame(1, `${CONTEXT} two\n`), frame(2, `${CONTEXT} bad\n`)]),
      frame(1, `${CONTEXT} three\n`),
    ];
    const { status, outputs, query } = await run(["service", "logs", "--tail", "5", "web"], bytes);
    const name = "web.2.k2x9k2x9k2x9@host2    | ";
    expect([status, outputs.join("")]).toEqual([
      0,
      `out: ${name}one\n${name}two\nerr: ${name}bad\nout: ${name}three\n`,
    ]);
    expect(query).toBe("stdout=1&stderr=1&details=1&tail=5");
  });

  it.each([
    [["--no-task-ids"], "web.2@host2    | one\n"],
    [["--no-trunc"], `web.2.${task.ID}@host2    | one\n`],
    [["--no-resolve"], "s1.2.k2x9k2x9k2x9@n1    | one\n"],
    [["--details"], "web.2.k2x9k2x9k2x9@host2    | a=b,c=d e one\n"],
  ])("with %j", async (flags, expected) => {
    const { outputs } = await run(["service", "logs", ...flags, "web"], [frame(1, `c=d+e,a=b,${CONTEXT} one\n`)]);
    expect(outputs).toEqual([`out: ${expected}`]);
  });

  it("shows times before all else, and nothing but the lines when told to", async () => {
    const timed = await run(["service", "logs", "-t", "web"], [frame(1, `${AT} ${CONTEXT} one\n`)]);
    expect(timed.outputs).toEqual([`out: ${AT} web.2.k2x9k2x9k2x9@host2    | one\n`]);
    const raw = await run(["service", "logs", "--raw", "--since", "1795230000", "web"], [frame(1, "one\n")]);
    expect([raw.outputs, raw.query]).toEqual([["out: one\n"], "stdout=1&stderr=1&tail=all&since=1795230000"]);
  });

  it("says what is missing after all the rest, and in its status", async () => {
    const { status, outputs } = await run(
      ["service", "logs", "web"],
      [frame(3, "incomplete: node host3\n"), frame(1, `${CONTEXT} one\n`)],
    );
    expect(status).toBe(7);
    expect(outputs).toEqual(["out: web.2.k2x9k2x9k2x9@host2    | one\n", "err: murmur: incomplete: node host3\n"]);
  });

  it("takes a task, too, as task logs does", async () => {
    for (const group of ["service", "task"])
      expect((await run([group, "logs", "k2x9"], [frame(1, `${CONTEXT} one\n`)])).outputs).toHaveLength(1);
    const none = await run(["service", "logs", "nothing"], []);
    expect([none.status, none.outputs]).toEqual([4, ["err: murmur: no such task or service: nothing\n"]]);
  });

  it("refuses what it can't do", async () => {
    expect((await run(["service", "logs", "--tail", "x", "web"], [])).outputs.join("")).toContain("--tail: 'x'");
    expect((await run(["service", "logs", "--since", "x", "web"], [])).outputs.join("")).toContain("--since: 'x'");
  });
});

describe("a moment", () => {
  const now = Date.parse("2026-11-21T04:00:00Z");
  it.each([
    ["42m", "1795231080.000"],
    ["1h30m", "1795228200.000"],
    ["2026-11-21T03:00:00Z", "1795230000.000"],
    ["2026-11-21T03:00:00.25Z", "1795230000.250"],
    ["2026-11-21T04:00+01:00", "1795230000.000"],
    ["1795230000.000000001", "1795230000.000000001"],
  ])("%s is read", (text, expected) => expect(parseSince(text, now)).toBe(expected));

  it("that names no zone is local, also without its time", () => {
    expect(parseSince("2026-11-21T03:00:00", now)).toBe((new Date(2026, 10, 21, 3).getTime() / 1_000).toFixed(3));
    expect(parseSince("2026-11-21", now)).toBe((new Date(2026, 10, 21).getTime() / 1_000).toFixed(3));
  });
});
