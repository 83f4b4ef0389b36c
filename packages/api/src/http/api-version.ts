import { ClusterError } from "@murmur/base";

/** The versions of Docker's Engine API that are answered. */
export const API_VERSION = "1.47";
export const MIN_API_VERSION = "1.24";

const PREFIX = /^\/v(\d{1,4}\.\d{1,4})(?=\/|$)/;

/** `/v1.41/nodes` → version 1.41 and path `/nodes`. */
export function splitVersion(path: string): { readonly version: string | undefined; readonly path: string } {
  const match = PREFIX.exec(path);
  if (match === null) return { version: undefined, path };
  return { version: match[1], path: path.slice(match[0].length) || "/" };
}

/** Negative when `a` is the older one. */
export function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number);
  const [majorB = 0, minorB = 0] = b.split(".").map(Number);
  return majorA - majorB || minorA - minorB;
}

/** Errors: `invalid_argument` for a version that is not answered, in Docker's words. */
export function checkVersion(version: string | undefined): void {
  if (version === undefined) return;
  if (compareVersions(version, MIN_API_VERSION) < 0) {
    throw new ClusterError(
      "invalid_argument",
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, ` +
        "please upgrade your client to a newer version",
    );
  }
  if (compareVersions(version, API_VERSION) > 0) {
    throw new ClusterError(
      "invalid_argument",
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
}
