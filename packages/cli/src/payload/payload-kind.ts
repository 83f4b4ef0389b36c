import type { Config, MurmurClient, PayloadCreate, PayloadCreated, Secret } from "@murmur/api";

/** What the commands of secrets and of configs differ in. */
export interface PayloadKind {
  readonly word: "secret" | "config";
  /** As usage lines have it. */
  readonly argument: "SECRET" | "CONFIG";
  readonly list: (client: MurmurClient, filters: Readonly<Record<string, readonly string[]>>) => Promise<Payload[]>;
  readonly find: (client: MurmurClient, name: string) => Promise<Payload>;
  readonly create: (client: MurmurClient, body: PayloadCreate) => Promise<PayloadCreated>;
  readonly remove: (client: MurmurClient, name: string) => Promise<void>;
}

/** Only a config has `Data`. */
export type Payload = Secret | Config;

export const SECRET: PayloadKind = {
  word: "secret",
  argument: "SECRET",
  list: (client, filters) => client.secrets({ filters }),
  find: (client, name) => client.secret(name),
  create: (client, body) => client.createSecret(body),
  remove: (client, name) => client.removeSecret(name),
};

export const CONFIG: PayloadKind = {
  word: "config",
  argument: "CONFIG",
  list: (client, filters) => client.configs({ filters }),
  find: (client, name) => client.config(name),
  create: (client, body) => client.createConfig(body),
  remove: (client, name) => client.removeConfig(name),
};
