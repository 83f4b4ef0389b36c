import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { aNetwork, aNode, aService } from "../testing/objects.ts";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { runMurmur } from "../testing/run-murmur.ts";
import { SCRIPTS } from "./scripts.ts";

/** The words that are offered for the end of a line. */
async function offered(line: string, host = "/no/such.sock"): Promise<string[]> {
  const { stdout, status } = await runMurmur(["-H", host, "__complete", "--", ...line.split(" ")]);
  expect(status).toBe(0);
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((answer) => answer.split("\t")[0] ?? "");
}

/** How long a daemon is waited for: `TIMEOUT_MS` of the command. */
const GIVEN_UP_MS = 1_000;
const TRIES = 10;

/**
 * The same of a daemon that knows names. Where nothing is offered because a machine that is held up took the second that
 * the daemon has, the key is pressed again; whatever else is offered, or nothing sooner than that, is the answer.
 */
async function offeredInTime(line: string, host?: string): Promise<string[]> {
  for (let tries = 1; ; tries += 1) {
    const start = performance.now();
    const words = await offered(line, host);
    if (words.length > 0 || performance.now() - start < GIVEN_UP_MS || tries === TRIES) return words;
  }
}

describe("completion", () => {
  it.each([
    ["serv", ["service"]],
    ["service s", ["scale", "stop", "start"]],
    ["service create --limit-m", ["--limit-memory"]],
    ["service update --env", ["--env-add", "--env-rm"]],
    ["service create --mode g", ["global", "global-job"]],
    ["service create --mode=rep", ["--mode=replicated", "--mode=replicated-job"]],
    ["node update --availability ", ["active", "pause", "drain"]],
    ["completion ", ["bash", "zsh", "fish"]],
    ["--ho", ["--host"]],
    ["service create --env-file ", [":files"]],
    ["service create nginx -- --na", []],
    ["service ps web", []],
    ["he", ["help"]],
    ["help service s", ["scale", "stop", "start"]],
    ["-H unix:///x help service s", ["scale", "stop", "start"]],
  ])("of %j", async (line, words) => expect(await offered(line)).toEqual(words));

  it("doesn't offer what is hidden", async () => expect(await offered("")).not.toContain("__complete"));

  it("knows the names of services, nodes and networks", async () => {
    await using daemon = await FakeDaemon.start({
      "GET /services": () => ({ json: [aService("web"), aService("db")] }),
      "GET /nodes": () => ({ json: [aNode("host1")] }),
      "GET /networks": ({ query }) => ({
        json: query.has("filters") ? [aNetwork("shop")] : [aNetwork("shop"), aNetwork("bridge")],
      }),
    });
    expect(await offeredInTime("service ps ", daemon.socketPath)).toEqual(["db", "web"]);
    expect(await offeredInTime("service scale w", daemon.socketPath)).toEqual(["web="]);
    expect(await offeredInTime("service update --image x w", daemon.socketPath)).toEqual(["web"]);
    expect(await offeredInTime("network rm ", daemon.socketPath)).toEqual(["bridge", "shop"]);
    expect(await offeredInTime("service create --network ", daemon.socketPath)).toEqual(["shop"]);
    expect(await offered("network create ", daemon.socketPath)).toEqual([]);
    expect(await offeredInTime(`-H ${daemon.socketPath} node inspect h`)).toEqual(["host1"]);
  });
});

describe("scripts", () => {
  const folder = mkdtempSync(join(tmpdir(), "murmur-completion-"));
  const shells = Object.entries(SCRIPTS).filter(([shell]) => spawnSync(shell, ["--version"]).status === 0);

  it.each(shells)("for %s have no syntax error", (shell, script) => {
    const file = join(folder, shell);
    writeFileSync(file, script);
    execFileSync(shell, ["-n", file]);
  });

  it("for bash put the answers in place of what bash takes for the word", () => {
    const answers = String.raw`murmur() { printf 'web=\tnginx\nweb-2=\tnginx\n'; }`;
    const line = "murmur service scale we";
    const asked = `${answers}\n${SCRIPTS.bash}\nCOMP_LINE=${JSON.stringify(line)} COMP_POINT=${String(line.length)}; _murmur; printf '%s\n' "\${COMPREPLY[@]}"`;
    expect(execFileSync("bash", ["-c", asked], { encoding: "utf8" })).toBe("web=\nweb-2=\n");
    const flag = "murmur service create --mode=re";
    const cut =
      String.raw`murmur() { printf -- '--mode=replicated\n'; }` +
      `\n${SCRIPTS.bash}\nCOMP_LINE=${JSON.stringify(flag)} COMP_POINT=${String(flag.length)}; _murmur; printf '%s\n' "\${COMPREPLY[@]}"`;
    expect(execFileSync("bash", ["-c", cut], { encoding: "utf8" })).toBe("replicated\n");
    rmSync(folder, { recursive: true, force: true });
  });
});
