/** What a person who has interrupted a deployment is told. */
export const unsentText = (stack: string, unsent: readonly string[]): string =>
  unsent.length === 0
    ? `Operation continuing in background. Use \`murmur stack ps ${stack}\` to check progress.`
    : `Interrupted; not begun: ${unsent.toSorted().join(", ")}. Run the same command again to go on.`;
