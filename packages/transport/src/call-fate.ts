import { ClusterError, type ErrorCode } from "@murmur/base";

/** What the transport knows of a request that failed without an answer. */
class Fate {
  readonly sent: boolean;

  constructor(sent: boolean) {
    this.sent = sent;
  }
}

/** An error of the transport's own, with what became of the request. */
export function transportError(code: ErrorCode, message: string, sent: boolean): ClusterError {
  return new ClusterError(code, message, { cause: new Fate(sent) });
}

/**
 * Whether the peer may have executed the call or stream that failed with this error. False only when the transport knows
 * that no byte of the request has left this node: then it may be made again, elsewhere or here.
 */
export function wasSent(error: unknown): boolean {
  return !(error instanceof ClusterError && error.cause instanceof Fate && !error.cause.sent);
}
