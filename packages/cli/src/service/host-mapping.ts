import { isIP } from "node:net";
import { invalid } from "../argument-error.ts";

/** `db:10.0.0.9` as a line of a hosts file, `10.0.0.9 db`, which is how specs have it. Errors: `invalid_argument`. */
export function parseHostMapping(text: string): string {
  const cut = text.search(/[:=]/);
  const name = text.slice(0, Math.max(cut, 0));
  const address = text.slice(cut + 1).replace(/^\[(.*)\]$/, "$1");
  if (name === "" || /\s/.test(name) || isIP(address) === 0) {
    throw invalid(`invalid host '${text}': give NAME:IP`);
  }
  return `${address} ${name}`;
}

/** Whether a line is the mapping `NAME` or `NAME:IP`. */
export function isMapping(text: string): (line: string) => boolean {
  const cut = text.search(/[:=]/);
  if (cut < 0) return (line) => line.split(/\s+/).slice(1).includes(text);
  const wanted = parseHostMapping(text);
  return (line) => line === wanted;
}
