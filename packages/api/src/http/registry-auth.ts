import { ClusterError } from "@murmur/base";
import { LIMITS, loginSealId, type ServiceId } from "@murmur/model";
import type { Context } from "hono";
import type { ClusterAccess } from "./context.ts";

/**
 * The login that a request brings in X-Registry-Auth, sealed as a service's; undefined when it brings none, empty when it
 * says that there is none any more: what a client sends that was told to send its login and has none. Errors:
 * `invalid_argument`, with nothing of the header in it.
 */
export async function sealedLogin(
  access: ClusterAccess,
  context: Context,
  service: ServiceId,
): Promise<string | undefined> {
  const login = parseRegistryAuth(context.req.header("x-registry-auth") ?? "");
  if (login === undefined || login === "") return login;
  return access.cluster().seal(new TextEncoder().encode(login), loginSealId(service));
}

/** The fields of Docker's AuthConfig. */
const LOGIN = new Set(["username", "password", "auth", "email", "serveraddress", "identitytoken", "registrytoken"]);

/**
 * Gives it back in the form that engines read: base64url, padded, of an object of texts. What is no part of a login is
 * passed over, as by Docker: Node's client, given a service without a login, sends the whole service here.
 */
export function parseRegistryAuth(header: string): string | undefined {
  if (header === "") return undefined;
  const fields = fieldsOf(header);
  if (fields === undefined) throw invalid("is not base64 of a JSON object with a login's texts");
  const said = fields.filter(([, value]) => value !== "");
  // An address alone is nobody's login.
  if (said.every(([name]) => name === "serveraddress")) return "";
  const text = Buffer.from(JSON.stringify(Object.fromEntries(said))).toString("base64");
  if (text.length > LIMITS.registryAuthBytes) {
    throw invalid(`is longer than ${String(LIMITS.registryAuthBytes)} characters`);
  }
  return text.replaceAll("+", "-").replaceAll("/", "_");
}

function fieldsOf(header: string): readonly (readonly [string, string])[] | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, "base64url").toString("utf8"));
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    const entries = Object.entries(parsed)
      .map(([name, value]): readonly [string, unknown] => [name.toLowerCase(), value])
      .filter(([name]) => LOGIN.has(name));
    return entries.every((entry): entry is [string, string] => typeof entry[1] === "string") ? entries : undefined;
  } catch {
    return undefined;
  }
}

const FROM = ["spec", "previous-spec"] as const;

/** Whose login an update keeps that brings none. Errors: `invalid_argument`. */
export function registryAuthFrom(text: string | undefined): (typeof FROM)[number] | undefined {
  const known = FROM.find((from) => from === text);
  if (known !== undefined || (text ?? "") === "") return known;
  throw new ClusterError("invalid_argument", "unsupported registryAuthFrom value: give spec or previous-spec");
}

const invalid = (problem: string): ClusterError => new ClusterError("invalid_argument", `X-Registry-Auth ${problem}`);
