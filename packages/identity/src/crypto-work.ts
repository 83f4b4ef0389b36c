let underWay = 0;
let last: Promise<unknown> = Promise.resolve();

/**
 * How many operations of this package are on the system's crypto threads, or wait for them. They take real time whatever
 * the clock says; a simulation lets its time stand still until there are none, so that the same seed always gives the same
 * run.
 */
export const cryptoUnderWay = (): number => underWay;

/** Resolves when all of them that have been begun by now are done: to wait so takes no time of a processor's. */
export const cryptoDone = async (): Promise<void> => {
  await last;
};

/**
 * Does something that the crypto threads take part in, after all that was begun before: of many certificates that are asked
 * for at once none overtakes another, and they leave threads to the disk, which has the same. Not to be nested.
 */
export async function withCrypto<T>(work: () => Promise<T>): Promise<T> {
  underWay += 1;
  const done = last.then(work);
  last = done.catch(() => {});
  try {
    return await done;
  } finally {
    underWay -= 1;
  }
}
