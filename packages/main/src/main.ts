import { enableCompileCache } from "node:module";
import { processPorts } from "./process-ports.ts";
import { isProxyWorker, proxyWorker } from "./proxy-worker.ts";

const NODE_MAJOR_MIN = 24;

/** A reader that has enough (`murmur service ls | head -1`) ends this process in silence. */
function endWithReader(error: NodeJS.ErrnoException): void {
  process.exit(error.code === "EPIPE" ? 0 : 1);
}

async function main(): Promise<void> {
  if (Number.parseInt(process.versions.node) < NODE_MAJOR_MIN) {
    process.stderr.write(`murmur: needs Node.js ${String(NODE_MAJOR_MIN)} or later; this is ${process.version}\n`);
    process.exitCode = 1;
    return;
  }
  enableCompileCache();
  if (isProxyWorker()) {
    await proxyWorker();
    process.exit(0);
  }
  process.stdout.on("error", endWithReader);
  process.stderr.on("error", endWithReader);
  const { runCli } = await import("@murmur/cli");
  process.exitCode = await runCli(process.argv.slice(2), processPorts());
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
