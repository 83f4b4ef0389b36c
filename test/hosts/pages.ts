/** Fetches pages one after the other with busybox's programs; after each a NUL. What nobody gives within 15 s is empty. */
export const fetching = (urls: readonly string[]): readonly string[] => [
  "sh",
  "-c",
  'for url; do timeout 15 wget -q -O - "$url"; printf "\\0"; done',
  "sh",
  ...urls,
];

/** The pages in the output of that. */
export const pagesOf = (output: string): readonly string[] =>
  output
    .split("\0")
    .slice(0, -1)
    .map((page) => page.trim());
