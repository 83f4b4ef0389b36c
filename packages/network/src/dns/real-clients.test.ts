import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import type { CommandResult } from "./testing/in-namespace.ts";

/** What these tests need of the machine, and the Debian packages that have it. */
const TOOLS = {
  dig: "bind9-dnsutils",
  busybox: "busybox-static",
  getent: "libc-bin",
  unshare: "util-linux",
  mount: "mount",
  ip: "iproute2",
};

/** All programs together need two seconds; a machine that is busy otherwise gets a lot more. */
const LIMIT_MS = 180_000;

const dig = (...args: readonly string[]): readonly string[] => ["dig", "@127.0.0.1", "+tries=1", "+time=5", ...args];
const nslookup = (...args: readonly string[]): readonly string[] => ["busybox", "nslookup", ...args];
const getent = (...args: readonly string[]): readonly string[] => ["getent", ...args];

const REVERSE = "3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.0.0.0.0.0.d.f.ip6.arpa";

/** What is asked, by whom, and what has to be in the answer (or, as code, how the program ends). */
const CASES: Readonly<Record<string, readonly [readonly string[], RegExp | number]>> = {
  "dig: addresses": [dig("web.murmur.internal"), /NOERROR(.|\n)*flags: qr aa rd ra;(.|\n)*ANSWER: 2,/],
  "dig: addresses of the other family": [dig("+short", "web", "AAAA"), /^fd00:9::3\n$/],
  "dig: by TCP": [dig("+tcp", "+short", "1.web.murmur.internal"), /^10\.9\.0\.1\n$/],
  "dig: several questions on one connection": [
    dig("+tcp", "+keepopen", "+short", "1.web", "2.web", "3.web", "-t", "AAAA"),
    /^10\.9\.0\.1\n10\.9\.0\.2\n/,
  ],
  "dig: the case of the question": [dig("WeB.MurMur.InterNal"), /\nWeB\.MurMur\.InterNal\.\s+1\s+IN\s+A\s+10\.9/],
  "dig: a port": [
    dig("_http._tcp.web", "SRV"),
    /0 1 30001 task1\.web\.default\.murmur\.internal\.(.|\n)*task1\.web.*A\s+10\.9\.0\.1/,
  ],
  "dig: whose address": [dig("+short", "-x", "10.9.0.2"), /^2\.web\.default\.murmur\.internal\.\n$/],
  "dig: whose address of the other family": [dig("+short", REVERSE, "PTR"), /^3\.web\.default\.murmur\.internal\.\n$/],
  "dig: a cut answer, then the whole by TCP": [dig("+noedns", "many"), /Truncated, retrying in TCP(.|\n)*ANSWER: 60,/],
  "dig: the whole by UDP with EDNS": [
    dig("+bufsize=4096", "+ignore", "many"),
    /flags: qr aa rd ra;(.|\n)*ANSWER: 60,(.|\n)*udp: 1232/,
  ],
  "dig: a later EDNS": [dig("+edns=1", "+noednsneg", "web"), /BADVERS/],
  "dig: an unknown EDNS option, a cookie and DO": [
    dig("+ednsopt=100:beef", "+cookie", "+dnssec", "web"),
    /NOERROR(.|\n)*ANSWER: 2,(.|\n)*EDNS: version: 0, flags: do;/,
  ],
  "dig: unknown EDNS flags": [dig("+ednsflags=0x40", "web"), /NOERROR(.|\n)*EDNS: version: 0, flags:;/],
  "dig: no such name": [
    dig("nothing.murmur.internal"),
    /NXDOMAIN(.|\n)*ANSWER: 0, AUTHORITY: 1(.|\n)*murmur\.internal\.\s+1\s+IN\s+SOA/,
  ],
  "dig: no such record": [dig("web.murmur.internal", "MX"), /NOERROR(.|\n)*ANSWER: 0, AUTHORITY: 1(.|\n)*SOA/],
  "dig: anything": [dig("web", "ANY"), /HINFO\s+"RFC8482" ""/],
  "dig: a name outside": [
    dig("outside.example"),
    /flags: qr rd ra;(.|\n)*outside\.example\.\s+60\s+IN\s+A\s+192\.0\.2\.80/,
  ],
  "dig: a transfer": [dig("murmur.internal", "AXFR"), /Transfer failed/],
  "the C library: a bare name": [getent("ahostsv4", "web"), /10\.9\.0\.[12]\s+STREAM/],
  "the C library: both families": [
    getent("ahosts", "web.default"),
    /fd00:9::3(.|\n)*10\.9\.0\.1|10\.9\.0\.1(.|\n)*fd00:9::3/,
  ],
  "the C library: an alias in a network": [getent("ahostsv4", "db.back"), /10\.9\.2\.1/],
  "the C library: a slot": [getent("ahostsv4", "2.web"), /10\.9\.0\.2/],
  "the C library: more than fit by UDP": [
    getent("ahostsv4", "many"),
    /^(10\.9\.1\.\d+ +STREAM[^\n]*\n[^\n]* DGRAM[^\n]*\n[^\n]* RAW[^\n]*\n){60}$/,
  ],
  "the C library: whose address": [getent("hosts", "10.9.0.1"), /1\.web\.default\.murmur\.internal/],
  "the C library: a name outside": [getent("ahostsv4", "outside.example"), /192\.0\.2\.80/],
  "the C library: no such name": [getent("ahosts", "nothing"), 2],
  "busybox: a bare name": [nslookup("web"), /Name:\s+web\.murmur\.internal(.|\n)*10\.9\.0\.[12]/],
  "busybox: a whole name": [
    nslookup("tasks.web.default.murmur.internal."),
    /10\.9\.0\.1(.|\n)*10\.9\.0\.2|10\.9\.0\.2(.|\n)*10\.9\.0\.1/,
  ],
  "busybox: a port": [nslookup("-type=srv", "_8080._tcp.web.murmur.internal"), /0 1 30002 task2\.web\.default/],
  "busybox: whose address": [nslookup("10.9.0.1"), /1\.web\.default\.murmur\.internal/],
  "busybox: no such name": [nslookup("nothing.murmur.internal."), 1],
};

let results: ReadonlyMap<string, CommandResult>;

beforeAll(async () => {
  const missing = Object.entries(TOOLS).filter(([tool]) => spawnSync("which", [tool]).status !== 0);
  if (missing.length > 0) {
    throw new Error(missing.map(([tool, name]) => `${tool} is missing: install it (Debian: ${name})`).join("; "));
  }
  const commands = Object.values(CASES).map(([command]) => command);
  const program = new URL("testing/in-namespace.ts", import.meta.url).pathname;
  const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const args = [...asRoot, "--net", "--mount", process.execPath, program, JSON.stringify(commands)];
  const { stdout } = await promisify(execFile)("unshare", args, { timeout: LIMIT_MS });
  const found = JSON.parse(stdout) as readonly CommandResult[];
  results = new Map(Object.keys(CASES).map((name, index) => [name, found[index] ?? { code: null, output: "" }]));
}, LIMIT_MS);

describe("real resolvers get what they ask for", () => {
  it.each(Object.entries(CASES))("%s", (name, [, expected]) => {
    const { code, output } = results.get(name) ?? { code: null, output: "" };
    if (typeof expected === "number") return expect(code, output).toBe(expected);
    expect(output).toMatch(expected);
    expect(code).toBe(0);
  });
});
