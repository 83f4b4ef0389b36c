import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClientTls } from "@murmur/api";
import { messageOf } from "@murmur/base";
import { invalid } from "./argument-error.ts";
import type { CliPorts } from "./ports.ts";

/** The docker command's flags of these names. */
export interface TlsFlags {
  readonly tlsverify?: boolean;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
}

/**
 * The certificates to talk to a daemon with: of the flags, else ca.pem, cert.pem and key.pem of $MURMUR_CERT_PATH or
 * ~/.docker; undefined when neither a flag nor $MURMUR_TLS_VERIFY asks for TLS. Errors: `invalid_argument` for a file that
 * can't be read.
 */
export function readClientTls(flags: TlsFlags, { env, home }: Pick<CliPorts, "env" | "home">): ClientTls | undefined {
  const { tlsverify = false, tlscacert, tlscert, tlskey } = flags;
  const isWanted =
    tlsverify || (env["MURMUR_TLS_VERIFY"] ?? "") !== "" || [tlscacert, tlscert, tlskey].some((path) => path);
  if (!isWanted) return undefined;
  const folder = env["MURMUR_CERT_PATH"] || join(home, ".docker");
  return {
    ca: readPem("--tlscacert", tlscacert || join(folder, "ca.pem")),
    cert: readPem("--tlscert", tlscert || join(folder, "cert.pem")),
    key: readPem("--tlskey", tlskey || join(folder, "key.pem")),
  };
}

function readPem(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw invalid(`${flag} ${path}: can't be read: ${messageOf(error)}`);
  }
}
