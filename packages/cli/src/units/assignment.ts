import { invalid } from "../argument-error.ts";

/** `KEY=VALUE`, cut at the first `=`; without one the value is undefined. Errors: `invalid_argument` without a key. */
export function cutAssignment(text: string): readonly [string, string | undefined] {
  const cut = text.indexOf("=");
  const key = cut < 0 ? text : text.slice(0, cut);
  if (key === "") throw invalid(`'${text}' has no name: give KEY=VALUE`);
  return [key, cut < 0 ? undefined : text.slice(cut + 1)];
}

/** Several of them as one object; a key alone has the empty value. The last of several with one key counts. */
export const parseAssignments = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    texts.map((text) => {
      const [key, value = ""] = cutAssignment(text);
      return [key, value];
    }),
  );
