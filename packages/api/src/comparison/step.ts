/**
 * One request of the script that both daemons get. In a path, and in every text of a body, `{name}` stands for what an
 * earlier step kept under that name, and `{version:PATH}` for the version that `GET PATH` shows at that moment; when
 * Docker itself changes what is there in between, it is asked again.
 */
export interface Step {
  /** `METHOD PATH`; the path begins behind the API's version. */
  readonly ask: string;
  /** An object is sent as JSON, a text as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Keeps the id that the answer gives. */
  readonly keep?: string;
  /** Asks again until both answers are like that; what is compared is the last one. */
  readonly until?: (body: unknown) => boolean;
  /** Of another version of the API. */
  readonly version?: string;
  /** Puts things in order for the steps behind it; what the answers are doesn't matter. */
  readonly quiet?: boolean;
  /** Says only what the answer's status and headers are: its body is no JSON of the API's. */
  readonly bodyless?: boolean;
}

/** Steps that belong together, in their order; topics don't depend on each other. */
export interface Topic {
  readonly name: string;
  readonly steps: readonly Step[];
}

export const get = (path: string, more: Omit<Step, "ask"> = {}): Step => ({ ask: `GET ${path}`, ...more });
export const post = (path: string, body?: unknown, more: Omit<Step, "ask" | "body"> = {}): Step => ({
  ask: `POST ${path}`,
  ...(body !== undefined && { body }),
  ...more,
});
export const remove = (path: string): Step => ({ ask: `DELETE ${path}` });
/** Removes what one of the two may have made. */
export const clear = (path: string): Step => ({ ...remove(path), quiet: true });

/** The query of a list. */
export const filtered = (path: string, filters: unknown): string =>
  `${path}?filters=${encodeURIComponent(typeof filters === "string" ? filters : JSON.stringify(filters))}`;
