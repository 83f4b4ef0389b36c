import { request as httpsRequest } from "node:https";
import { ClusterError, messageOf } from "@murmur/base";
import { z } from "zod";

/** What an external CA is asked, and by whom. */
interface ExternalCaRequest {
  readonly url: string;
  /** JSON. */
  readonly body: string;
  /** The root that has to vouch for the other end, in PEM. */
  readonly caPem: string;
  /** What this end shows; left out by a node that has no certificate yet. */
  readonly client?: { readonly certificatePem: string; readonly keyPem: string };
}

export interface ExternalCaAnswer {
  readonly status: number;
  readonly body: string;
}

/** Reaches an external CA. Rejects with what is wrong, and when the signal is aborted. */
export type CallExternalCa = (request: ExternalCaRequest, signal: AbortSignal) => Promise<ExternalCaAnswer>;

/** A certificate and its chain are far below. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** Of what an external CA says of its reasons. */
const REASON_LENGTH_MAX = 300;

/** Over HTTPS, with a connection of its own for each request: they are few. */
export const callExternalCa: CallExternalCa = ({ url, body, caPem, client }, signal) =>
  new Promise((resolve, reject) => {
    const sent = httpsRequest(url, {
      method: "POST",
      agent: false,
      ca: caPem,
      ...(client && { cert: client.certificatePem, key: client.keyPem }),
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      signal,
    });
    const fail = (error: unknown): void => reject(signal.aborted ? (signal.reason as Error) : (error as Error));
    sent.on("error", fail);
    sent.on("response", (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on("data", (part: Buffer) => {
        size += part.length;
        if (size > ANSWER_BYTES_MAX) sent.destroy(new Error(`it answers with more than ${ANSWER_BYTES_MAX} bytes`));
        else parts.push(part);
      });
      response.on("error", fail);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
    });
    sent.end(body);
  });

/** Whom a certificate is to name. */
export interface SigningSubject {
  readonly csrPem: string;
  readonly organization: string;
  readonly name: string;
  readonly host: string;
}

/** A request to sign, as CFSSL's `/api/v1/cfssl/sign` takes it. */
export const signRequest = ({ csrPem, organization, name, host }: SigningSubject): string =>
  JSON.stringify({
    hosts: [host],
    certificate_request: csrPem,
    subject: { CN: name, names: [{ O: organization }] },
    profile: "",
    crl_override: "",
    label: "",
  });

const signAnswer = z.object({
  success: z.boolean(),
  result: z.object({ certificate: z.string().optional() }).nullish(),
  errors: z.array(z.object({ message: z.string().optional() })).nullish(),
});

/** The certificate that CFSSL answers with. Errors: `unavailable` with its reason. */
export function signedIn({ status, body }: ExternalCaAnswer): string {
  if (status !== 200) throw refused(`it answers with status ${String(status)}${body === "" ? "" : `: ${body}`}`);
  const parsed = signAnswer.safeParse(jsonIn(body));
  if (!parsed.success) throw refused("its answer is none of CFSSL's");
  const { success, result, errors } = parsed.data;
  if (success && result?.certificate !== undefined) return result.certificate;
  const reasons = (errors ?? []).flatMap(({ message }) => message ?? []).join(", ");
  throw refused(reasons === "" ? "it refuses, and doesn't say why" : `it refuses: ${reasons}`);
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** One line, of so many characters. */
export function reasonOf(error: unknown): string {
  const line = messageOf(error).replaceAll(/\s+/g, " ").trim();
  return line.length > REASON_LENGTH_MAX ? `${line.slice(0, REASON_LENGTH_MAX)}…` : line;
}

const refused = (why: string): ClusterError => new ClusterError("unavailable", why);
