/** What several of Docker's objects have. Durations are in nanoseconds, times in RFC 3339. */

/** How often an object was changed: an update names the version that it was made from. */
export interface Version {
  Index: number;
}

/** A driver and its options, as Docker writes both log and volume drivers. */
export interface DriverConfig {
  Name?: string;
  Options?: Record<string, string>;
}
