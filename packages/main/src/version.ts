/** What `murmur --version` says without loading the daemon, whose own version a test holds this to. */
export const CLI_VERSION = "0.1.0";
