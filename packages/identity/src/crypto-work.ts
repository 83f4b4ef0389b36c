let underWay = 0;

/**
 * How many operations of this package are on the system's crypto threads. They take real time whatever the clock says;
 * a simulation lets its time stand still until there are none, so that the same seed always gives the same run.
 */
export const cryptoUnderWay = (): number => underWay;

/** Does something that the crypto threads take part in. */
export async function withCrypto<T>(work: () => Promise<T>): Promise<T> {
  underWay += 1;
  try {
    return await work();
  } finally {
    underWay -= 1;
  }
}
