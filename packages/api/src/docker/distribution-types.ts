/** The engine's answer to `GET /distribution/{name}/json`, as far as it is read. */
export interface DistributionInspect {
  Descriptor: { digest: string };
  Platforms?: { os?: string; architecture?: string }[] | null;
}
