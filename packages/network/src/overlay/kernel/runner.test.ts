import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CONTAINER_TABLE, TABLE } from "../render/nft-table.ts";
import { Namespace } from "../testing/namespace.ts";
import { systemCommands, type Commands } from "./commands.ts";
import { NftShells } from "./nft-shells.ts";
import { Runner } from "./runner.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const [MET, NOT_MET, MET6] = ["10.9.0.12", "10.9.0.13", "fd09::c"];
const LINES = [
  `-D -p udp -d 10.9.0.2 -r ${MET}`,
  `-D -p udp -d 10.9.0.2 -r ${NOT_MET}`,
  `-D -p udp -f ipv6 -d fd09::2 -r ${MET6}`,
];

describe.each([true, false])("a runner (with shells of nft: %s)", (hasShells) => {
  let namespace: Namespace;
  const programs: string[] = [];
  const counting: Commands = {
    run: (command) => {
      programs.push(`${command.argv.join(" ")} ${command.input}`.replace(/^nsenter \S+ /, "").trim());
      return systemCommands.run(command);
    },
  };
  // A busy machine's nft has shells, too, however long the first one takes to answer.
  const shells = new NftShells(45_000);
  const runner = new Runner({ commands: counting, ...(hasShells && { shells }) });

  beforeAll(async () => {
    namespace = await Namespace.open("runner");
    await namespace.feed("nft -f -", [...CONTAINER_TABLE, ""].join("\n"));
  });
  afterAll(async () => {
    shells[Symbol.dispose]();
    await namespace[Symbol.asyncDispose]();
  });

  const forget = async (lines: readonly string[]): Promise<readonly string[]> => {
    programs.length = 0;
    const problems = await runner.apply([[{ place: namespace.path, steps: [{ tool: "conntrack", lines }] }]]);
    expect(problems).toEqual([]);
    return programs.filter((program) => program.includes("conntrack"));
  };

  it("looks for no flows to those whom nothing was sent to", async () => {
    expect(await forget(LINES)).toEqual([]);
  });

  it("looks for flows to those whom something was sent to, and to no others", async () => {
    await namespace.run(`nft add element ${TABLE} udp4 { ${MET} }`);
    expect(await forget(LINES)).toEqual([`conntrack ${LINES[0] ?? ""}`]);
    await namespace.run(`nft add element ${TABLE} udp6 { ${MET6} }`);
    expect(await forget(LINES)).toEqual([`sh -c cat | conntrack -R - >/dev/null ${LINES[0] ?? ""}\n${LINES[2] ?? ""}`]);
  });

  it("changes rules without a process of its own where it has shells", async () => {
    programs.length = 0;
    const step = { tool: "nft", lines: [`add element ${TABLE} live4 { 10.9.0.14 }`] } as const;
    expect(await runner.apply([[{ place: namespace.path, steps: [step] }]])).toEqual([]);
    expect(programs).toHaveLength(hasShells ? 0 : 1);
    expect(await namespace.run(`nft list set ${TABLE} live4`)).toContain("10.9.0.14");
  });

  it("keeps nothing running in a container that is left", async () => {
    const [place, tool] = [namespace.path, "nft"] as const;
    await runner.apply([[{ place, steps: [{ tool, lines: [`add element ${TABLE} live4 { 10.9.0.15 }`] }] }]]);
    expect(shells.size).toBe(hasShells ? 1 : 0);
    const farewell = [`add table ${TABLE}`, `delete table ${TABLE}`];
    expect(await runner.apply([[{ place, steps: [{ tool, lines: farewell }] }]])).toEqual([]);
    expect(shells.size).toBe(0);
    expect(await namespace.run("nft list tables")).toBe("");
  });

  it("says of what the kernel refuses what it was", async () => {
    const step = { tool: "nft", lines: [`add element ${TABLE} nobody { 10.9.0.14 }`] } as const;
    const [problem] = await runner.apply([[{ place: namespace.path, steps: [step] }]]);
    expect(problem?.text).toMatch(/^nft: .*Error: No such file or directory/);
    expect(problem?.hasEnded).toBe(false);
  });
});
