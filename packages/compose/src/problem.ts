import { ClusterError } from "@murmur/base";

/** Where something stands: the file as the user named it, the line from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** `FILE:LINE: PATH: what is wrong`, the one form in which a Compose file is refused. */
export function problem(place: Place, path: string, text: string): ClusterError {
  const subject = path === "" ? "" : `${path}: `;
  return new ClusterError("invalid_argument", oneLine(`${place.file}:${place.line}: ${subject}${text}`));
}

/** A file is refused as a whole. */
export function fileProblem(file: string, text: string): ClusterError {
  return new ClusterError("invalid_argument", oneLine(`${file}: ${text}`));
}

/** What a user wrote, as it is shown to them: quoted, on one line, cut where it is long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

export function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ");
}
