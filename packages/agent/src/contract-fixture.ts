import { codeOf } from "@murmur/base";

export const NEVER = { signal: new AbortController().signal };

/** Runs a test with what it needs, and takes that away again. */
export async function using<F extends { close(): Promise<void> }>(
  open: () => Promise<F>,
  test: (fixture: F) => Promise<void>,
): Promise<void> {
  const fixture = await open();
  try {
    await test(fixture);
  } finally {
    await fixture.close();
  }
}

/** The code that a call is refused with; `none` when it isn't. */
export const refusal = (call: Promise<unknown>): Promise<string> => call.then(() => "none", codeOf);
