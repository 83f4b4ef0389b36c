import type { Cli } from "../cli.ts";
import type { ListFormat } from "../command.ts";
import { formatTable } from "./table.ts";

/** One column of a list: its header and the field's name in JSON are Docker's. */
export interface Column<Row> {
  readonly header: string;
  readonly field: keyof Row & string;
}

/** Prints rows of text as Docker's table, or as one JSON array of objects with Docker's field names. */
export function printListing<Row extends Readonly<Record<keyof Row, string>>>(
  cli: Cli,
  format: ListFormat,
  listing: { readonly columns: readonly Column<Row>[]; readonly rows: readonly Row[] },
): void {
  const { columns, rows } = listing;
  if (format === "json") return printJson(cli, rows);
  const cells = rows.map((row) => columns.map(({ field }) => row[field]));
  cli.print(
    formatTable(
      columns.map(({ header }) => header),
      cells,
    ),
  );
}

export function printJson(cli: Cli, value: unknown): void {
  cli.print(JSON.stringify(value, undefined, 4));
}
