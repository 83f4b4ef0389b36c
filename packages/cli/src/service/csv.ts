import { invalid } from "../argument-error.ts";

/** One line of comma-separated fields; a field may be quoted, `"a,b"`, with `""` for a quote. */
export function splitCsv(line: string): string[] {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = field.exec(line);
    if (match === null) throw invalid(`'${line}' has a quote in the wrong place`);
    fields.push(match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll('""', '"'));
    if (match[3] === "") return fields;
  }
}
