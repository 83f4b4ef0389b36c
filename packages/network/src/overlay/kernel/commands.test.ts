import { describe, expect, it } from "vitest";
import { systemCommands, type Commands } from "./commands.ts";
import { Overlay } from "./overlay.ts";
import { mapLimited } from "./runner.ts";

describe("systemCommands", () => {
  it("gives a program its input, and answers with both of its outputs and its status", async () => {
    const result = await systemCommands.run({ argv: ["sh", "-c", "cat; echo bad >&2; exit 3"], input: "a line\n" });
    expect(result).toEqual({ status: 3, output: "a line\n", errors: "bad\n" });
  });

  it("takes it well if a program doesn't read its input", async () => {
    const input = "x".repeat(1_000_000);
    expect(await systemCommands.run({ argv: ["true"], input })).toEqual({ status: 0, output: "", errors: "" });
  });

  it("cuts what a program says on its error output, and refuses to read too much of the other", async () => {
    const loud = await systemCommands.run({ argv: ["sh", "-c", "yes | head -c 1000000 >&2"], input: "" });
    expect(loud.errors.length).toBe(65_536);
    const tooMuch = systemCommands.run({ argv: ["sh", "-c", "exec yes"], input: "" });
    await expect(tooMuch).rejects.toMatchObject({ code: "unavailable", message: "sh printed more than 64 MiB" });
  });

  it("says which package to install for a program that is missing", async () => {
    const without: Commands = {
      run: ({ argv: [program, ...args], input }) =>
        systemCommands.run({
          argv: program === "conntrack" ? ["conntrack-that-is-missing"] : [program, ...args],
          input,
        }),
    };
    await expect(Overlay.open({ commands: without })).rejects.toMatchObject({
      code: "unsupported",
      message: 'the overlay needs the program "conntrack-that-is-missing": install conntrack-that-is-missing',
    });
  });
});

it("works on a few items at once, and keeps their order", async () => {
  let [running, most] = [0, 0];
  const results = await mapLimited([...Array(40).keys()], async (item) => {
    most = Math.max(most, (running += 1));
    for (let turn = 0; turn <= item % 3; turn += 1) await Promise.resolve();
    running -= 1;
    return item * 2;
  });
  expect(results).toEqual([...Array(40).keys()].map((item) => item * 2));
  expect(most).toBe(16);
});
