/** This software's version; peers exchange it, people see it. */
export const MURMUR_VERSION = "0.1.0";
