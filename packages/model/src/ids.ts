/** Ids are 25 characters of [0-9a-z], minted at the edge (`api`, `manager`) and carried by commands. */
export type ServiceId = string & { readonly __brand: "ServiceId" };
export type TaskId = string & { readonly __brand: "TaskId" };
export type NetworkId = string & { readonly __brand: "NetworkId" };
export type SecretId = string & { readonly __brand: "SecretId" };
export type ConfigId = string & { readonly __brand: "ConfigId" };
export type ClusterId = string & { readonly __brand: "ClusterId" };

/** Each brands a string that is already known to be such an id. */
export const serviceId = (text: string): ServiceId => text as ServiceId;
export const taskId = (text: string): TaskId => text as TaskId;
export const networkId = (text: string): NetworkId => text as NetworkId;
export const secretId = (text: string): SecretId => text as SecretId;
export const configId = (text: string): ConfigId => text as ConfigId;
export const clusterId = (text: string): ClusterId => text as ClusterId;

/** A position in the replicated log; as an object's `version`, the position at which it last changed. */
export type Index = number;
