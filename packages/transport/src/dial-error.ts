import { ClusterError, messageOf } from "@murmur/base";

const UNTRUSTED = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
]);

/** Turns what a socket says into one line that names the address and what to check. */
export function explainDialError(address: string, error: unknown): ClusterError {
  if (error instanceof ClusterError) return error;
  const options = { cause: error };
  const code = socketCode(error);
  const unavailable = (what: string): ClusterError =>
    new ClusterError("unavailable", `cannot reach ${address}: ${what}`, options);
  switch (code) {
    case "ECONNREFUSED":
      return unavailable("the connection was refused; check that Murmur runs there and listens on that port");
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
      return unavailable("there is no route; check the address and this host's network");
    case "ETIMEDOUT":
      return unavailable(NO_ANSWER);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return unavailable("its host name cannot be resolved; check the name, or give the IP address");
    case "ECONNRESET":
    case "EPIPE":
      return unavailable("the connection was closed; check that a Murmur node listens there");
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return new ClusterError(
        "unauthenticated",
        `the certificate of ${address} is not valid now; check both hosts' clocks, and that the node can renew it`,
        options,
      );
    default:
  }
  if (UNTRUSTED.has(code)) {
    return new ClusterError("unauthenticated", `the node at ${address} belongs to another cluster`, options);
  }
  if (code.startsWith("ERR_SSL") || code === "EPROTO" || code.startsWith("HPE_")) return notMurmur(address, options);
  return unavailable(messageOf(error));
}

const NO_ANSWER = "there was no answer in time; check the address, and that no firewall blocks the TCP port";

/** Nothing came back before the deadline. */
export const noAnswer = (address: string): ClusterError =>
  new ClusterError("unavailable", `cannot reach ${address}: ${NO_ANSWER}`);

/** Something answers that doesn't speak our protocol. */
export const notMurmur = (address: string, options?: ErrorOptions): ClusterError =>
  new ClusterError(
    "unavailable",
    `what listens on ${address} is no Murmur node; check the address and the port`,
    options,
  );

function socketCode(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
