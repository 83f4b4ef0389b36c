import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ClusterError, messageOf, type Log } from "@murmur/base";

/** Paths of PEM files, as Docker's daemon takes them. */
export interface TlsFiles {
  /** Whose certificates clients have to show. */
  readonly ca: string;
  /** The server's own certificate, with the chain up to what clients trust. */
  readonly cert: string;
  readonly key: string;
}

/** What those files say, checked: it makes a secure context. */
export interface TlsMaterial {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Certificates are renewed in place, weeks before they end. */
const RELOAD_MS = 60_000;

/** Errors: `invalid_argument` with the file that can't be read, is no PEM, or a key that isn't the certificate's. */
export async function readTls(files: TlsFiles): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all([
    readPem("--tlscacert", files.ca),
    readPem("--tlscert", files.cert),
    readPem("--tlskey", files.key),
  ]);
  checkCertificate(`--tlscacert ${files.ca}`, ca);
  checkCertificate(`--tlscert ${files.cert}`, cert);
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    throw invalid(`--tlskey ${files.key}: is not the key of ${files.cert} (${messageOf(error)})`, error);
  }
  return { ca, cert, key };
}

async function readPem(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw invalid(`${flag} ${path}: can't be read: ${messageOf(error)}`, error);
  }
}

/** A file without a certificate would make a list of nobody, without a word. */
function checkCertificate(what: string, pem: string): void {
  try {
    void new X509Certificate(pem).fingerprint256;
  } catch (error) {
    throw invalid(`${what}: is no certificate in PEM`, error);
  }
}

const invalid = (message: string, cause: unknown): ClusterError =>
  new ClusterError("invalid_argument", message, { cause });

/**
 * Looks once a minute whether the files have changed, and gives what they say to `use`, until it is disposed. While they
 * can't be used, as in the middle of being replaced, what was there before stays in force, with a warning.
 */
export function watchTls(
  files: TlsFiles,
  {
    first,
    use,
    log,
  }: { readonly first: TlsMaterial; readonly use: (material: TlsMaterial) => void; readonly log: Log },
): Disposable {
  let known = first;
  const look = async (): Promise<void> => {
    const found = await readTls(files);
    if (found.ca === known.ca && found.cert === known.cert && found.key === known.key) return;
    use(found);
    known = found;
    log.info("the API's certificates were replaced", { cert: files.cert });
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => {
      log.warn("the API goes on with the certificates that it has", { error: messageOf(error) });
    });
  }, RELOAD_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
