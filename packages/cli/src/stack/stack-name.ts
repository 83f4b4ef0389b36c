import type { Filters } from "@murmur/api";
import { invalid } from "../argument-error.ts";

/** Docker's own labels, so that its commands and these work on the same stacks. */
export const STACK_LABEL = "com.docker.stack.namespace";
/** Of a service: the image as the file names it, before a registry was asked for its digest. */
export const IMAGE_LABEL = "com.docker.stack.image";
/** Of a config or secret that is named after its content: its name in the file. */
export const KEY_LABEL = "murmur.stack.key";

/** What a name in a file is called in the cluster. */
export const scoped = (stack: string, key: string): string => `${stack}_${key}`;

/** What a service of the cluster is called in its stack's file. */
export const keyOf = (stack: string, name: string): string =>
  name.startsWith(`${stack}_`) ? name.slice(stack.length + 1) : name;

export const ofStack = (stack: string): Filters => ({ label: [`${STACK_LABEL}=${stack}`] });

/** Names of services begin with it. Errors: `invalid_argument`, in Docker's words. */
export function checkStackName(stack: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(stack)) return;
  const rule = "give up to 63 letters, digits, '-', '_' and '.', the first a letter or digit";
  throw invalid(`invalid stack name: ${JSON.stringify(stack)}: ${rule}`);
}
