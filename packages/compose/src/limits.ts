/** Bounds of what a Compose application may ask of its reader. Real applications stay far below all of them. */

/** Of one Compose file, `.env`, `env_file` or `label_file`. */
export const FILE_BYTES_MAX = 1 << 20;
/** Compose files that one application reads, those of `extends` and `include` among them. */
export const FILES_MAX = 100;
/** Values of one file after its aliases are followed: a few lines of aliases can stand for billions. */
export const NODES_MAX = 100_000;
/** Values inside values. */
export const DEPTH_MAX = 64;
/** Characters that variables may become in one value, and in all values of an application. */
export const VALUE_LENGTH_MAX = 1 << 20;
export const VALUES_LENGTH_MAX = 16 << 20;
/** `${A:-${B:-…}}`. */
export const INTERPOLATION_DEPTH_MAX = 32;
/** Values of all services once `extends` is followed. */
export const EXTENDED_NODES_MAX = 1_000_000;
/** Bytes of all files that an application reads; a file counts each time that something names it. */
export const BYTES_MAX = 64 << 20;
/** Ports that all ranges of an application stand for. */
export const PORTS_MAX = 16_384;
