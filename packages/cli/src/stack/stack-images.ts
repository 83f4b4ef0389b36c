import type { MurmurClient, RegistryAuth, Service, ServiceSpec } from "@murmur/api";
import type { Cli } from "../cli.ts";
import { registryAuth } from "../registry/registry-auth.ts";
import { resolveImage, setImage, warningsOf, type ResolvedImage } from "../service/resolve-image.ts";
import { containerOf, placementOf } from "../service/spec-parts.ts";
import { IMAGE_LABEL } from "./stack-name.ts";

export const RESOLVE_MODES = ["always", "changed", "never"] as const;
export type ResolveMode = (typeof RESOLVE_MODES)[number];

/** What the images of one deployment come to. Each registry is asked, and each login looked up, once for an image. */
export class StackImages {
  readonly #cli: Cli;
  readonly #client: MurmurClient;
  readonly #mode: ResolveMode;
  readonly #withAuth: boolean;
  readonly #resolved = new Map<string, Promise<ResolvedImage>>();
  readonly #auths = new Map<string, RegistryAuth>();

  constructor(cli: Cli, client: MurmurClient, how: { readonly mode: ResolveMode; readonly withAuth: boolean }) {
    this.#cli = cli;
    this.#client = client;
    this.#mode = how.mode;
    this.#withAuth = how.withAuth;
  }

  authOf(image: string): RegistryAuth {
    if (!this.#withAuth) return {};
    const known = this.#auths.get(image) ?? { registryAuth: registryAuth(this.#cli, image) };
    this.#auths.set(image, known);
    return known;
  }

  /**
   * Pins the image of a spec, of a service that is there or of a new one. What the file names as before, and what no
   * registry says anything else of, stays as it was pinned. Returns warnings for people.
   */
  async pin(spec: ServiceSpec, service?: Service): Promise<readonly string[]> {
    const image = containerOf(spec).Image;
    const isSame = service?.Spec.Labels?.[IMAGE_LABEL] === image;
    if (service !== undefined && isSame && this.#mode !== "always") return keep(spec, service);
    const resolved = await this.#resolve(image);
    if (service !== undefined && isSame && resolved.warning !== undefined) return keep(spec, service);
    setImage(spec, resolved);
    return warningsOf(resolved);
  }

  #resolve(image: string): Promise<ResolvedImage> {
    const client = this.#mode === "never" ? undefined : this.#client;
    const known = this.#resolved.get(image) ?? resolveImage(image, { client, ...this.authOf(image) });
    this.#resolved.set(image, known);
    return known;
  }
}

function keep(spec: ServiceSpec, { Spec }: Service): readonly string[] {
  containerOf(spec).Image = containerOf(Spec).Image;
  const platforms = Spec.TaskTemplate.Placement?.Platforms;
  if (platforms !== undefined) placementOf(spec).Platforms = platforms;
  return [];
}
