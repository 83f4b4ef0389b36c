import type { DriverConfig, Version } from "./object-types.ts";

/** What a request to make a secret or a config says. `Data` is base64. */
export interface PayloadCreate {
  Name: string;
  Labels?: Record<string, string>;
  Data: string;
  Templating?: DriverConfig;
}

/** A secret's bytes are never shown. */
export interface SecretSpec {
  Name: string;
  Labels: Record<string, string>;
  Templating?: DriverConfig;
}

export interface ConfigSpec extends SecretSpec {
  /** Base64. */
  Data: string;
}

export interface Secret {
  ID: string;
  Version: Version;
  CreatedAt: string;
  UpdatedAt: string;
  Spec: SecretSpec;
}

export interface Config extends Omit<Secret, "Spec"> {
  Spec: ConfigSpec;
}

export interface PayloadCreated {
  ID: string;
}

/** The file of a secret or config in a container; the owner's numbers are texts. */
export interface FileTarget {
  Name: string;
  UID: string;
  GID: string;
  /** As Go counts permission bits. */
  Mode: number;
}

export interface SecretReference {
  File: FileTarget;
  SecretID: string;
  SecretName: string;
}

export interface ConfigReference {
  File: FileTarget;
  ConfigID: string;
  ConfigName: string;
}
