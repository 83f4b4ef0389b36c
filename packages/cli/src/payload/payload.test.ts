import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FakeDaemon, type Route } from "../testing/fake-daemon.ts";
import { runMurmur, type Ran } from "../testing/run-murmur.ts";

const AT = new Date(Date.now() - 3 * 60_000).toISOString();
const thing = (name: string, spec: object = {}) => ({
  ID: `${name}-id`.padEnd(25, "x"),
  Version: { Index: 5 },
  CreatedAt: AT,
  UpdatedAt: AT,
  Spec: { Name: name, Labels: { team: "a", b: "" }, ...spec },
});
const DATA = Buffer.from("hunter2").toString("base64");

async function murmur(
  line: readonly string[],
  { routes = {}, input = "" }: { readonly routes?: Record<string, Route>; readonly input?: string } = {},
): Promise<Ran & { daemon: FakeDaemon }> {
  await using daemon = await FakeDaemon.start({
    "GET /secrets": () => ({ json: [thing("key-10"), thing("key-9")] }),
    "GET /configs": () => ({ json: [thing("key-10", { Data: DATA }), thing("key-9", { Data: DATA })] }),
    "GET /secrets/key": () => ({ json: thing("key") }),
    "GET /configs/key": () => ({ json: thing("key", { Data: DATA, Templating: { Name: "golang" } }) }),
    "POST /secrets/create": () => ({ json: { ID: "new-id" } }),
    "POST /configs/create": () => ({ json: { ID: "new-id" } }),
    "DELETE /secrets/key": () => ({ json: null }),
    "DELETE /configs/key": () => ({ json: null }),
    ...routes,
  });
  async function* read() {
    yield Buffer.from(input);
  }
  const stdin = { isTerminal: false, raw: () => ({ [Symbol.dispose]: () => {} }), read };
  return { ...(await runMurmur(["--socket", daemon.socketPath, ...line], { stdin })), daemon };
}

describe.each(["secret", "config"])("%s", (kind) => {
  it("create takes a file or standard input", async () => {
    const folder = await mkdtemp(join(tmpdir(), "murmur-payload-"));
    const file = join(folder, "key.txt");
    await writeFile(file, "hunter2");
    try {
      const fromFile = await murmur([kind, "create", "--label", "a=b", "-l", "c", "key", file]);
      expect([fromFile.stdout, fromFile.stderr]).toEqual(["new-id\n", ""]);
      expect(fromFile.daemon.asked[0]?.body).toEqual({ Name: "key", Labels: { a: "b", c: "" }, Data: DATA });
    } finally {
      await rm(folder, { recursive: true });
    }
    const line = [kind, "create", "--template-driver", "golang", "key", "-"];
    const piped = await murmur(line, { input: "hunter2" });
    expect(piped.daemon.asked[0]?.body).toEqual({
      Name: "key",
      Labels: {},
      Data: DATA,
      Templating: { Name: "golang" },
    });
  });

  it.each([
    [["key", "-"], "standard input is empty"],
    [["key", "/nonexistent/file"], "can't read /nonexistent/file"],
    [["--template-driver", "jinja", "key", "-"], "'jinja' is invalid"],
  ])("create %j is refused", async (line, message) => {
    const { stderr, status, daemon } = await murmur([kind, "create", ...line]);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(daemon.asked).toEqual([]);
  });

  it("ls is Docker's table, by name, or JSON", async () => {
    const { stdout } = await murmur([kind, "ls"]);
    const header = kind === "secret" ? /^ID +NAME +DRIVER +CREATED +UPDATED/ : /^ID +NAME +CREATED +UPDATED/;
    expect(stdout).toMatch(header);
    expect(stdout.split("\n")[1]).toMatch(/^key-9-idx{17} +key-9 +3 minutes ago +3 minutes ago/);
    const quiet = await murmur([kind, "ls", "-q", "--filter", "name=key"]);
    expect(quiet.stdout.split("\n")[0]).toBe(thing("key-9").ID);
    expect(quiet.daemon.asked[0]?.query.get("filters")).toBe('{"name":["key"]}');
    const json = JSON.parse((await murmur([kind, "ls", "--format", "json"])).stdout) as unknown[];
    expect(json[1]).toEqual({
      ID: thing("key-10").ID,
      Name: "key-10",
      Driver: "",
      CreatedAt: "3 minutes ago",
      UpdatedAt: "3 minutes ago",
      Labels: "team=a,b=",
    });
  });

  it("inspect shows JSON, or lines for people", async () => {
    const { stdout } = await murmur([kind, "inspect", "key"]);
    expect(JSON.parse(stdout)).toMatchObject([{ Spec: { Name: "key" } }]);
    const pretty = (await murmur([kind, "inspect", "--pretty", "key"])).stdout;
    expect(pretty).toMatch(/^ID: +key-idx+\nName: +key\nLabels:\n - team=a\n - b\n/);
    expect(pretty.includes("hunter2")).toBe(kind === "config");
  });

  it("rm says what is gone, and why something isn't", async () => {
    const message = `${kind} 'used' is in use by the following service: web`;
    const routes = { [`DELETE /${kind}s/used`]: (): ReturnType<Route> => ({ status: 400, code: "in_use", message }) };
    const { stdout, stderr, status } = await murmur([kind, "rm", "used", "key"], { routes });
    expect([stdout, stderr, status]).toEqual(["key\n", expect.stringContaining(message), 5]);
  });
});
