import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readClientTls } from "./client-tls.ts";
import { runMurmur } from "./testing/run-murmur.ts";

let home = "";
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "murmur-client-tls-"));
  for (const folder of [join(home, ".docker"), join(home, "other")]) {
    await mkdir(folder);
    for (const name of ["ca", "cert", "key"]) await writeFile(join(folder, `${name}.pem`), `${name} of ${folder}`);
  }
});
afterAll(() => rm(home, { recursive: true, force: true }));

const of = (name: string, folder: string): string => `${name} of ${join(home, folder)}`;

it("is spoken when somebody asks for it", () => {
  expect(readClientTls({}, { env: {}, home })).toBeUndefined();
  const usual = { ca: of("ca", ".docker"), cert: of("cert", ".docker"), key: of("key", ".docker") };
  expect(readClientTls({ tlsverify: true }, { env: {}, home })).toEqual(usual);
  expect(readClientTls({}, { env: { MURMUR_TLS_VERIFY: "1" }, home })).toEqual(usual);
  const env = { MURMUR_TLS_VERIFY: "1", MURMUR_CERT_PATH: join(home, "other") };
  expect(readClientTls({}, { env, home })).toMatchObject({ ca: of("ca", "other"), key: of("key", "other") });
  const mixed = readClientTls({ tlscacert: join(home, "other/ca.pem") }, { env: {}, home });
  expect(mixed).toEqual({ ...usual, ca: of("ca", "other") });
});

it("names the file that can't be read, in one line", async () => {
  const line = ["-H", "tcp://127.0.0.1:9", "--tlsverify", "--tlskey", join(home, "none.pem"), "node", "ls"];
  const { status, stderr } = await runMurmur(line, { home });
  expect(status).toBe(2);
  expect(stderr).toMatch(/^murmur: --tlskey \S+none\.pem: can't be read: ENOENT[^\n]*\n$/);
});
