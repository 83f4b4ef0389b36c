import type { MurmurClient } from "@murmur/api";
import { fewNames } from "../format/few-names.ts";

/** How far the rotation of the cluster's root is. */
export interface RotationPicture {
  readonly RootRotationInProgress: boolean;
  readonly TrustRoot: string;
  readonly Nodes: readonly {
    readonly ID: string;
    readonly Hostname: string;
    readonly State: string;
    /** Its certificate is one of the root that is wanted. */
    readonly HasCertificate: boolean;
    /** It trusts the root that the cluster trusts, and no other. */
    readonly TrustsRoot: boolean;
  }[];
}

export async function rotationPicture(
  client: Pick<MurmurClient, "swarm" | "nodes">,
  signal?: AbortSignal,
): Promise<RotationPicture> {
  const options = signal === undefined ? {} : { signal };
  const { TLSInfo, RootRotationInProgress } = await client.swarm(options);
  const nodes = await client.nodes(options);
  return {
    RootRotationInProgress,
    TrustRoot: TLSInfo.TrustRoot ?? "",
    Nodes: nodes.map(({ ID, Description, Status }) => ({
      ID,
      Hostname: Description.Hostname ?? ID,
      State: Status.State,
      HasCertificate:
        Description.TLSInfo?.CertIssuerPublicKey === TLSInfo.CertIssuerPublicKey &&
        Description.TLSInfo?.CertIssuerSubject === TLSInfo.CertIssuerSubject,
      TrustsRoot: Description.TLSInfo?.TrustRoot === TLSInfo.TrustRoot,
    })),
  };
}

/** Whether all is as it is to be. */
export const isRotated = ({ RootRotationInProgress, Nodes }: RotationPicture): boolean =>
  !RootRotationInProgress && Nodes.every(({ HasCertificate, TrustsRoot }) => HasCertificate && TrustsRoot);

/** One line: how many nodes are there, and who isn't. */
export function rotationLine({ RootRotationInProgress, Nodes }: RotationPicture): string {
  const isThere = (node: (typeof Nodes)[number]): boolean =>
    node.HasCertificate && (RootRotationInProgress || node.TrustsRoot);
  const late = Nodes.filter((node) => !isThere(node));
  const names = late.map(({ Hostname, State }) => (State === "down" ? `${Hostname} (down)` : Hostname));
  const what = RootRotationInProgress ? "have a certificate of the new root" : "trust the new root alone";
  const waits = late.length === 0 ? "" : `; waiting for ${fewNames(names)}`;
  return `${String(Nodes.length - late.length)} of ${String(Nodes.length)} nodes ${what}${waits}`;
}
