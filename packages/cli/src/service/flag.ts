import type { ServiceSpec } from "@murmur/api";

/** What reading a flag may need of the world around. */
export interface FlagContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: (path: string) => string;
  /** How a spec that is there names a network that the user names; for a new one the same text will do. */
  readonly networkId: (nameOrId: string) => string;
}

interface FlagStart {
  readonly name: string;
  /** One letter; only for `create` where the flag is a list. */
  readonly short?: string;
  readonly help: string;
  /** Said in the help of `create` only: an update leaves alone what isn't named. */
  readonly default?: string;
  /** Undefined: both commands have it. */
  readonly only?: "create" | "update";
}

/** `--hostname web`. */
export interface ValueFlag extends FlagStart {
  readonly kind: "value";
  readonly value: string;
  readonly choices?: readonly string[];
  set(spec: ServiceSpec, text: string): void;
}

/** `--read-only`, `--read-only=false`. */
interface SwitchFlag extends FlagStart {
  readonly kind: "switch";
  set(spec: ServiceSpec, on: boolean): void;
}

/** `--env A=1 --env B=2`; an update has `--env-add` and `--env-rm` in its place. */
export interface ListFlag extends FlagStart {
  readonly kind: "list";
  readonly value: string;
  /** What `-rm` takes; without it there is none and the update's flag is named as the create's. */
  readonly remove?: {
    readonly value: string;
    readonly help: string;
    from(spec: ServiceSpec, keys: readonly string[], context: FlagContext): void;
  };
  add(spec: ServiceSpec, texts: readonly string[], context: FlagContext): void;
}

export type ServiceFlag = ValueFlag | SwitchFlag | ListFlag;
