/**
 * Fetches one page after the other; after each a NUL. The 5 s that each has are counted in tenths in which the machine ran:
 * one that stands still takes nobody's page away, and what is sent to where nobody is stays empty.
 */
const FETCH = `for url; do
  wget -q -O - "$url" & fetched=$!
  (ticks=0; while [ $ticks -lt 50 ]; do sleep 0.1; ticks=$((ticks + 1)); done; kill $fetched) >/dev/null 2>&1 & limit=$!
  wait $fetched
  kill $limit
  printf "\\0"
done`;

/** The command that does so, with busybox's programs. */
export const fetching = (urls: readonly string[]): readonly string[] => ["sh", "-c", FETCH, "sh", ...urls];

/** The pages in the output of that. */
export const pagesOf = (output: string): readonly string[] =>
  output
    .split("\0")
    .slice(0, -1)
    .map((page) => page.trim());
