import { readFileSync } from "node:fs";
import { join } from "node:path";

/** CPU in thousandths, memory in MiB, GPU in thousandths of one. */
export type Amounts = readonly [cpu: number, memory: number, gpu: number];

/** What can't be read, in one line that says what to do. */
export class TraceError extends Error {}

export function readNodes(folder: string): readonly Amounts[] {
  const rows = readRows(join(folder, "openb_node_list_all_node.csv"), ["cpu_milli", "memory_mib", "gpu"]);
  return rows.map(([cpu = 0, memory = 0, gpus = 0]) => [cpu, memory, gpus * 1_000]);
}

/** A task has a share of one GPU, or several whole ones. */
export function readTasks(file: string): readonly Amounts[] {
  const rows = readRows(file, ["cpu_milli", "memory_mib", "num_gpu", "gpu_milli"]);
  const tasks = rows.map(([cpu = 0, memory = 0, gpus = 0, share = 0]): Amounts => {
    return [cpu, memory, gpus === 1 ? share : gpus * 1_000];
  });
  if (!tasks.some(([, , gpu]) => gpu > 0)) throw new TraceError(`${file}: no task asks for a GPU; give another list`);
  return tasks;
}

/** The named columns of a table with commas; every value a number that isn't negative. */
function readRows(file: string, columns: readonly string[]): readonly (readonly number[])[] {
  const [head = "", ...lines] = contentOf(file).trimEnd().split(/\r?\n/);
  const names = head.split(",");
  const places = columns.map((column) => names.indexOf(column));
  const missing = columns.filter((_, at) => places[at] === -1);
  if (missing.length > 0) throw new TraceError(`${file}: no column ${missing.join(", ")} in the first line`);
  if (lines.length === 0) throw new TraceError(`${file}: no rows`);
  return lines.map((line, row) => {
    const cells = line.split(",");
    return places.map((place, at) => {
      const cell = cells[place]?.trim() ?? "";
      const value = cell === "" ? 0 : Number(cell);
      if (Number.isFinite(value) && value >= 0) return value;
      throw new TraceError(`${file}: line ${String(row + 2)}: ${columns[at] ?? ""} is ${cell}, not a number from 0 on`);
    });
  });
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TraceError(`can't read the task trace (${why}); put the openb files there, see docs/scheduling.md`);
  }
}
