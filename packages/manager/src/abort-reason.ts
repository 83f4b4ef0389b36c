import { ClusterError } from "@murmur/base";

/** Why a signal was aborted, as an error. */
export const abortReason = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new ClusterError("cancelled", "the request was cancelled");
