const SHOWN_MAX = 200;

/** What was given in the place of a text, for an error's words; JSON where it is none: an object may say `toString` itself. */
export const givenText = (given: unknown): string =>
  (typeof given === "string" ? given : (JSON.stringify(given) ?? "nothing")).slice(0, SHOWN_MAX);
