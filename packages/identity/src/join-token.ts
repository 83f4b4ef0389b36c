import { ClusterError } from "@murmur/base";
import { hash, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import { randomBase36 } from "./base36.ts";
import { CA_DIGEST_LENGTH } from "./ca.ts";

/**
 * What a node needs to join: which CA to trust, and a secret that shows it was invited. As text, in the form of Docker's:
 * `MURMUR-1-DIGEST-SECRET`, 50 and 25 characters of base 36. The last four characters are a checksum over the rest, so a
 * token that was mistyped is told from one that was revoked.
 *
 * The cluster keeps the secret itself in its replicated state, beside the CA's key, not a hash of it: `join-token` has to
 * be able to show it again.
 */
export interface JoinToken {
  readonly caDigest: string;
  readonly secret: string;
}

const PREFIX = "MURMUR-1";
const SECRET_LENGTH = 21;
const CHECK_LENGTH = 4;
const BASE36_PATTERN = /^[0-9a-z]*$/;

/** A new secret: 21 characters of base 36, 108 random bits. */
export const newJoinSecret = (): string => randomBase36(SECRET_LENGTH);

export function formatToken({ caDigest, secret }: JoinToken): string {
  return `${PREFIX}-${caDigest}-${secret}${checksum(caDigest, secret)}`;
}

/** Reads a token; throws `invalid_argument` with what is wrong with it. */
export function parseToken(text: string): JoinToken {
  const token = text.trim();
  const version = /^MURMUR-(\d+)-/.exec(token)?.[1];
  if (version !== undefined && version !== "1")
    throw refused(
      `it is of version ${version}, which this version of murmur does not know; use the same version as the cluster`,
    );
  const [, , caDigest = "", last = "", ...more] = token.split("-");
  if (version === undefined || more.length > 0 || !isBase36(caDigest) || !isBase36(last))
    throw refused(`it does not have the form ${PREFIX}-DIGEST-SECRET; copy it from \`murmur cluster join-token\``);
  const length = caDigest.length + last.length;
  if (caDigest.length !== CA_DIGEST_LENGTH || last.length !== SECRET_LENGTH + CHECK_LENGTH) {
    const cut = length < CA_DIGEST_LENGTH + SECRET_LENGTH + CHECK_LENGTH;
    throw refused(
      `${cut ? "it is cut off" : "it is too long"}; copy the whole of it from \`murmur cluster join-token\``,
    );
  }
  const secret = last.slice(0, SECRET_LENGTH);
  if (last.slice(SECRET_LENGTH) !== checksum(caDigest, secret))
    throw refused("its checksum is wrong, a character was changed; copy it again from `murmur cluster join-token`");
  return { caDigest, secret };
}

/** Compares a secret that someone presents with the cluster's, in a time that does not depend on where they differ. */
export function secretMatches(presented: string, expected: string): boolean {
  return timingSafeEqual(hash("sha256", presented, "buffer"), hash("sha256", expected, "buffer"));
}

const isBase36 = (text: string): boolean => BASE36_PATTERN.test(text);

function checksum(caDigest: string, secret: string): string {
  const value = crc32(`${PREFIX}-${caDigest}-${secret}`) % 36 ** CHECK_LENGTH;
  return value.toString(36).padStart(CHECK_LENGTH, "0");
}

const refused = (why: string): ClusterError => new ClusterError("invalid_argument", `invalid join token: ${why}`);
