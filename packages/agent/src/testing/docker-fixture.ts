import { execFile, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { promisify } from "node:util";

/** For tests that need a real Docker engine. They fail where there is none: what is skipped proves nothing. */
export const ADDRESS = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
export const IMAGE = "murmur-agent-test/busybox:1";
/** Unlike that of any other run: tests that run at the same time don't see each other. */
export const RUN = `murmur-agent-test-${randomBytes(4).toString("hex")}`;

const run = promisify(execFile);

/** What the docker CLI prints for these arguments. */
export async function docker(...args: readonly string[]): Promise<string> {
  return (await run("docker", [...args])).stdout;
}

/** A port that nothing listens on: below those that the kernel gives to clients, and hardly another run's. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = 10_000 + randomInt(10_000);
    const server = createServer().listen(port);
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error("none of a hundred ports between 10000 and 20000 is free");
}

/** Makes sure that there is an engine with the image. */
export async function openDocker(): Promise<void> {
  await docker("version", "--format", "{{.Server.Version}}").catch((error: unknown) => {
    throw new Error("these tests need a Docker engine; start one, or run scripts/test", { cause: error });
  });
  await importBusybox();
}

/** Removes what this run has left, and tells what that was: nothing, if it has tidied up after itself. */
export async function closeDocker(): Promise<readonly string[]> {
  const label = `label=murmur.cluster.id=${RUN}`;
  const containers = lines(await docker("ps", "-aq", "--filter", label));
  if (containers.length > 0) await docker("rm", "-f", "-v", ...containers);
  const networks = lines(await docker("network", "ls", "-q", "--filter", label));
  if (networks.length > 0) await docker("network", "rm", ...networks);
  // Named volumes outlive their containers, as they should.
  const volumes = lines(await docker("volume", "ls", "-q", "--filter", label));
  if (volumes.length > 0) await docker("volume", "rm", ...volumes);
  return [...containers, ...networks];
}

const lines = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

/** An image of one static program, made on the spot: no registry is needed. */
function importBusybox(): Promise<void> {
  return new Promise((resolve, reject) => {
    const tar = spawn("tar", ["-C", "/", "-ch", "bin/busybox"], { stdio: ["ignore", "pipe", "inherit"] });
    const load = spawn("docker", ["import", "--change", 'ENTRYPOINT ["/bin/busybox"]', "-", IMAGE], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    load.stdin.on("error", () => {}); // its code tells
    tar.stdout.pipe(load.stdin);
    tar.on("error", reject);
    load.on("error", reject);
    load.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error("the image could not be made from /bin/busybox"));
    });
  });
}
