/** What to do with an unlock key. */
export const unlockInstructions = (key: string): string =>
  `To unlock a manager after it restarts, run 'murmur cluster unlock' there and give it this key:

    ${key}

Keep it in a password store: nobody can say it while all managers are locked.`;
