import { execFile } from "node:child_process";
import { expect, it } from "vitest";

const root = new URL("../../../", import.meta.url).pathname;

it("bin/murmur leaves all of its line to Murmur, also what Node.js has an option for", async () => {
  const args = ["-H", "/no/such.sock", "service", "create", "--env-file", "/no/such.env", "image"];
  const ran = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(`${root}bin/murmur`, args, { env: { ...process.env, MURMUR_SOURCE: "1" } }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
  expect(ran).toEqual({
    code: 2,
    stderr: "murmur: --env-file: can't read /no/such.env: ENOENT: no such file or directory, open '/no/such.env'\n",
  });
});
