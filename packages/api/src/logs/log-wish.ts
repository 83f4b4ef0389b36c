/** What is wanted of a log. Times are Unix seconds with up to nine decimals; empty: no limit. */
export interface LogWish {
  readonly follow: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Lines from the end of each task's log, or `all`. */
  readonly tail: string;
  readonly since: string;
  readonly until: string;
  /** What the log driver knows of each line beside its text. */
  readonly details: boolean;
}

const FLAGS = ["follow", "stdout", "stderr", "details"] as const;
const TEXTS = ["tail", "since", "until"] as const;

/** As Docker's engines take it in the query of `/containers/ID/logs`. */
export function wishQuery(wish: LogWish): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of FLAGS) if (wish[name]) query.set(name, "1");
  for (const name of TEXTS) if (wish[name] !== "") query.set(name, wish[name]);
  return query;
}

/** What `wishQuery` has written. */
export function readWish(query: URLSearchParams): LogWish {
  const flag = (name: (typeof FLAGS)[number]): boolean => query.get(name) === "1";
  const text = (name: (typeof TEXTS)[number]): string => query.get(name) ?? "";
  return {
    follow: flag("follow"),
    stdout: flag("stdout"),
    stderr: flag("stderr"),
    details: flag("details"),
    tail: text("tail"),
    since: text("since"),
    until: text("until"),
  };
}
