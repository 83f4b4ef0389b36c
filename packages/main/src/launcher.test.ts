import { execFile } from "node:child_process";
import { cp, mkdir, mkdtempDisposable, readFile, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
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

it("bin/murmur runs the bundle, but not one that is older than the source beside it", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "murmur-launcher-"));
  const [launcher, bundle, source] = ["bin/murmur", "dist/murmur.js", "packages/main/src/main.ts"].map((path) =>
    join(folder.path, path),
  ) as [string, string, string];
  await cp(`${root}bin/murmur`, launcher);
  await mkdir(dirname(bundle));
  await mkdir(dirname(source), { recursive: true });
  const ran = async (more: Record<string, string> = {}): Promise<string> => {
    const env = {
      ...process.env,
      MURMUR_NODE: process.execPath,
      NODE_COMPILE_CACHE: folder.path,
      MURMUR_SOURCE: "",
      ...more,
    };
    return (await promisify(execFile)(launcher, [], { env })).stdout;
  };
  await writeFile(source, "process.stdout.write('source' as string)");
  expect(await ran()).toBe("source");
  await writeFile(bundle, "process.stdout.write('bundle')");
  await utimes(source, 1_000, 1_000);
  expect(await ran()).toBe("bundle");
  expect(await ran({ MURMUR_SOURCE: "1" })).toBe("source");
  await utimes(bundle, 999, 999);
  expect(await ran()).toBe("source");
});

it("the image's launcher starts Node.js as bin/murmur does", async () => {
  const starts = async (path: string): Promise<readonly string[]> => {
    const text = await readFile(root + path, "utf8");
    return [/^UV_THREADPOOL_SIZE=.*$/m, /^case .*^esac$/ms].map((part) => part.exec(text)?.[0] ?? "");
  };
  const own = await starts("bin/murmur");
  expect(own.join()).toContain("--heap-growing-percent");
  expect(await starts("image/murmur")).toEqual(own);
});
