/** Services are made under these names only, so that clients get in each other's way. */
export const SERVICE_NAMES = ["web", "api", "db", "queue", "mail", "auth", "logs", "docs"] as const;
