import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TlsFiles } from "../server/tls-files.ts";

const run = promisify(execFile);

/** An authority and the files that it signs, made by the openssl command as a user would. */
export class Authority implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(name: string): Promise<Authority> {
    const made = new Authority(await mkdtemp(join(tmpdir(), "murmur-authority-")));
    await made.#openssl("req", "-x509", ...NEW_KEY, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", `/CN=${name}`);
    return made;
  }

  /** A certificate, for 127.0.0.1 and for clients; signs the same names anew when asked again. */
  async sign(subject: string): Promise<TlsFiles> {
    const [key, request, cert] = [`${subject}-key.pem`, `${subject}.csr`, `${subject}.pem`];
    const extension = ["-addext", "subjectAltName=IP:127.0.0.1"];
    await this.#openssl("req", ...NEW_KEY, "-keyout", key, "-out", request, "-subj", `/CN=${subject}`, ...extension);
    const signer = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-copy_extensions", "copy"];
    await this.#openssl("x509", "-req", "-in", request, "-out", cert, ...signer);
    return { ca: join(this.folder, "ca.pem"), cert: join(this.folder, cert), key: join(this.folder, key) };
  }

  async #openssl(...args: string[]): Promise<void> {
    await run("openssl", args, { cwd: this.folder });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
