/** Where a Compose application is read from. Paths are absolute; the adapter bounds what it reads. */
export interface ComposeSource {
  /** Throws a `ClusterError` that says which file can't be read and why. */
  readonly readFile: (path: string) => Uint8Array;
  readonly exists: (path: string) => boolean;
  /** The shell's variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The directory that the relative paths of the command line start at. */
  readonly cwd: string;
}
