import type { SecretsKeyRotationAnswer } from "@murmur/api";
import { expect, it } from "vitest";
import { FakeDaemon } from "../testing/fake-daemon.ts";
import { runMurmur } from "../testing/run-murmur.ts";

/** A daemon whose rotation is one step further each time it is looked at. */
async function murmur(steps: readonly SecretsKeyRotationAnswer[], ...words: readonly string[]) {
  let at = 0;
  await using daemon = await FakeDaemon.start({
    "GET /_ping": () => ({ json: "OK" }),
    "GET /murmur/cluster/secrets-key": () => ({ json: { secretsKey: "KEY" } }),
    "GET /murmur/secrets-key": () => {
      at += 1;
      return { json: steps[Math.min(at, steps.length) - 1] };
    },
    "POST /murmur/secrets-key/rotate": () => ({ json: steps[0] }),
  });
  const ran = await runMurmur(["--socket", daemon.socketPath, "cluster", "secrets-key", ...words]);
  return { ...ran, rotated: daemon.asked.some(({ path }) => path === "/murmur/secrets-key/rotate") };
}

it("shows the key, and replaces nothing", async () => {
  expect(await murmur([{ total: 2 }])).toMatchObject({ status: 0, stdout: "KEY\n", stderr: "", rotated: false });
});

it("replaces it, says how far that is, and ends with the new one", async () => {
  const among = ["secret a", "secret b", "secret c", "secret d", "secret e", "unlock key"];
  const { status, stdout, stderr, rotated } = await murmur(
    [
      { total: 9, rotation: { phase: "hold", left: 9, among, waitsFor: ["host3"] } },
      { total: 9, rotation: { phase: "hold", left: 9, among, waitsFor: [] } },
      { total: 9, rotation: { phase: "seal", left: 6, among } },
      { total: 9 },
    ],
    "--rotate",
  );
  expect([status, stdout, rotated]).toEqual([0, "KEY\n", true]);
  expect(stderr.trimEnd().split("\n")).toEqual([
    "managers get the next key; it waits for those that are down: host3; start them, or remove those that won't be back (`murmur node rm`)",
    "managers get the next key",
    "3 of 9 are sealed with the next key; left: secret a, secret b, secret c, secret d, secret e and 1 more",
    "9 of 9 are sealed with the present key",
  ]);
});

it("shows how far it is without the key", async () => {
  const { stdout } = await murmur([{ total: 1, rotation: { phase: "seal", left: 0, among: [] } }], "--progress");
  expect(stdout).toBe("1 of 1 are sealed with the next key\n");
});
