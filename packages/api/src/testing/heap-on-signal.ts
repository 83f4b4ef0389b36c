/**
 * Loaded into a daemon before its program, with `--expose-gc`: at SIGUSR2 all garbage is collected, and the bytes of the
 * heap that are left are written to the file that `MURMUR_TEST_HEAP_FILE` names, whole or not at all.
 */
import { renameSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const { MURMUR_TEST_HEAP_FILE: file } = process.env;
const { gc } = globalThis;
if (file === undefined || gc === undefined) throw new Error("MURMUR_TEST_HEAP_FILE and --expose-gc are needed");

if (isMainThread)
  process.on("SIGUSR2", () => {
    gc();
    writeFileSync(`${file}.new`, String(process.memoryUsage().heapUsed));
    renameSync(`${file}.new`, file);
  });
