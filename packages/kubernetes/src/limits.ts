/** Bounds of what manifests may ask of their reader; those of a single file's values are `compose`'s. */

/** Manifest files of one application. */
export const FILES_MAX = 100;
/** Of one file; a ConfigMap may hold 1 MiB. */
export const FILE_BYTES_MAX = 8 << 20;
/** Bytes that variables put in by `$(NAME)` may become, of one container. */
export const EXPANDED_LENGTH_MAX = 1 << 20;
