/** As much of an id as Docker shows. */
export const shortId = (id: string): string => id.slice(0, 12);
