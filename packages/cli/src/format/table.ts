/** As Docker's tables: a column is at least so wide, and followed by so many spaces. */
const WIDTH_MIN = 10;
const PADDING = 3;

/** Lays rows out under their headers, as Docker does. Columns are counted in code points. */
export function formatTable(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headers, ...rows];
  const widths = headers.map((_header, column) =>
    Math.max(WIDTH_MIN, PADDING + Math.max(...lines.map((line) => lengthOf(line[column] ?? "")))),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell + " ".repeat(padding(cell, widths[column])))
        .join("")
        .trimEnd(),
    )
    .join("\n");
}

const padding = (cell: string, width = 0): number => Math.max(0, width - lengthOf(cell));

/** In code points, as Go counts runes. */
const lengthOf = (text: string): number => Array.from(text).length;
