import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Keeps the containers' resolv.conf files in a directory, which is made when there is none. A file is known by what is in
 * it: containers that are told the same share one, and none is changed under a container.
 */
export const resolverFiles =
  (directory: string) =>
  async (text: string, writer: string): Promise<string> => {
    const path = join(directory, `${createHash("sha256").update(text).digest("hex").slice(0, 16)}.conf`);
    const present = await readFile(path, "utf8").catch(() => undefined);
    if (present === text) return path;
    await mkdir(directory, { recursive: true });
    await writeFile(`${path}.${writer}`, text, { mode: 0o644 });
    await rename(`${path}.${writer}`, path);
    return path;
  };
