import { clusterLabels, GuestWatch, type EngineGuest, type GuestRuntime } from "@murmur/agent";
import type { Clock, Log, NodeId, Random } from "@murmur/base";
import { engineNetworkName, type ClusterId, type Guest } from "@murmur/model";
import type { LocalNetwork, OverlayPlane } from "@murmur/network";

/** The guests of this node's engine, from now until the signal is aborted; each time all of them. */
export type GuestSource = (onGuests: (guests: readonly Guest[]) => void, signal: AbortSignal) => Promise<void>;

export interface GuestSourceOptions {
  readonly engine: Pick<GuestRuntime, "guests" | "guestEvents">;
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
  readonly plane: Pick<OverlayPlane, "networks">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Follows an engine's guests in the networks that containers may be connected to by hand. */
export function guestSource({ plane, clusterId, nodeId, ...rest }: GuestSourceOptions): GuestSource {
  const attachable = (): readonly LocalNetwork[] => (plane.networks() ?? []).filter(({ share }) => share !== undefined);
  const guestsIn = (found: readonly EngineGuest[]): readonly Guest[] => {
    const ids = new Map(attachable().map((network) => [engineNetworkName(network), network.id]));
    return found.flatMap(({ network, ...guest }): readonly Guest[] => {
      const networkId = ids.get(network);
      return networkId === undefined ? [] : [{ ...guest, networkId, nodeId }];
    });
  };
  return (onGuests, signal) =>
    new GuestWatch({
      ...rest,
      labels: clusterLabels(clusterId),
      isNeeded: () => attachable().length > 0,
      onGuests: (found) => onGuests(guestsIn(found)),
    }).run(signal);
}
