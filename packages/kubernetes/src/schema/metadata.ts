import { any, anyOf, mapOf, object, text } from "./shapes.ts";

/** What a server writes into an object; whoever applies one that was read from a server gives it back. */
export const SERVER_FIELDS = [
  "creationTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "selfLink",
  "uid",
] as const;

export const metadata = object({
  name: text,
  namespace: text,
  labels: mapOf(text),
  annotations: mapOf(text),
  ...anyOf("deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName", "ownerReferences"),
  ...Object.fromEntries(SERVER_FIELDS.map((name) => [name, any])),
});
