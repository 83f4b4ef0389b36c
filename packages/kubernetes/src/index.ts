export { loadManifests, type Application } from "./load-manifests.ts";
export type { ManifestFile, Unsupported } from "./manifest.ts";
