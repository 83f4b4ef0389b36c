import type { Payload } from "./read/payload.ts";

/** What a Deployment's reader knows beside it. */
export interface Context {
  readonly configMaps: ReadonlyMap<string, Payload>;
  readonly secrets: ReadonlyMap<string, Payload>;
  /** One line for people, of what is understood in another way than it is written. */
  readonly note: (line: string) => void;
}
