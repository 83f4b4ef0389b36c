/** Docker's unit; a part of one is none. */
export const nanoseconds = (ms: number): number => Math.round(ms * 1e6);
